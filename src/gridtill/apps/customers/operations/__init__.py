"""Every write on customers, their metering points, meters and agreements."""

from gridtill.apps.customers.operations.agreements import (
    OpeningTerms,
    activate_agreement,
    close_agreement,
    is_opening_password,
    lock_agreement,
    set_paused,
)
from gridtill.apps.customers.operations.common import (
    CustomerChanged,
    CustomerStateWrong,
)
from gridtill.apps.customers.operations.customers import (
    CustomerChange,
    NewCustomer,
    add_customer,
    delete_customer,
    modify_customer,
)
from gridtill.apps.customers.operations.points import (
    NewUsagePoint,
    UsagePointChange,
    add_usage_point,
    delete_usage_point,
    install_meter,
    modify_usage_point,
    remove_meter,
)

__all__ = [
    "CustomerChange",
    "CustomerChanged",
    "CustomerStateWrong",
    "NewCustomer",
    "NewUsagePoint",
    "OpeningTerms",
    "UsagePointChange",
    "activate_agreement",
    "add_customer",
    "add_usage_point",
    "close_agreement",
    "delete_customer",
    "delete_usage_point",
    "install_meter",
    "is_opening_password",
    "lock_agreement",
    "modify_customer",
    "modify_usage_point",
    "remove_meter",
    "set_paused",
]
