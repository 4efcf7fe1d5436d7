import doctest
import importlib
import pkgutil

import pytest

import gridtill.kernel
import gridtill.tariff

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (gridtill.tariff, gridtill.kernel)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.unit
@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
