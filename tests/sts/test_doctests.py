import doctest
import importlib
import pkgutil

import pytest

import gridtill.sts

MODULES = [f"gridtill.sts.{module.name}" for module in pkgutil.iter_modules(gridtill.sts.__path__)]


@pytest.mark.unit
@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
