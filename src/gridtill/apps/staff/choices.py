from django.db import models
from django.utils.translation import gettext_lazy as _


class Permission(models.TextChoices):
    """What an operator may do; a role is a set of these."""

    ARCHIVES_VIEW = "archives.view", _("See archives")
    ARCHIVES_EDIT = "archives.edit", _("Change archives")
    BUREAU_EDIT = "bureau.edit", _("Change bureaus and supply offices")
    ASSETS_VIEW = "assets.view", _("See assets")
    ASSETS_EDIT = "assets.edit", _("Change assets")
    ASSETS_IMPORT = "assets.import", _("Import assets")
    ACCOUNT_OPEN = "account.open", _("Open accounts")
    ACCOUNT_CLOSE = "account.close", _("Cancel accounts")
    DEBT_EDIT = "debt.edit", _("Set up debt recovery")
    SELL = "vend.sell", _("Sell at a counter")
    VEND_VIEW = "vend.view", _("See purchases")
    REVERSE = "vend.reverse", _("Recover purchases")
    REVERSE_APPROVE = "vend.reverse_approve", _("Approve recoveries")
    REPRINT = "vend.reprint", _("Print receipts again")
    SHIFT_SIGN = "shift.sign", _("Sign off shifts")
    BANKING = "shift.banking", _("Bank the takings")
    DAY_CLOSE = "day.close", _("Close the day")
    REPORTS_VIEW = "reports.view", _("See balances and reports")
    TARIFF_VIEW = "tariff.view", _("See tariffs")
    TARIFF_EDIT = "tariff.edit", _("Write tariffs")
    TARIFF_ACTIVATE = "tariff.activate", _("Put tariffs into force")
    NOTICE_EDIT = "notice.edit", _("Write notices")
    STAFF_VIEW = "staff.view", _("See operators")
    STAFF_EDIT = "staff.edit", _("Change operators")
    ROLE_EDIT = "role.edit", _("Change roles")
    SETTINGS_EDIT = "settings.edit", _("Change the utility's settings")
    AUDIT_VIEW = "audit.view", _("Read the log of writes")
    KEYS_EDIT = "keys.edit", _("Enter vending keys")
    TOKENS_ISSUE = "tokens.issue", _("Make engineering tokens")
    TOKENS_APPROVE = "tokens.approve", _("Approve engineering tokens")
    CARDS_EDIT = "cards.edit", _("Make and issue cards")
    METERING_VIEW = "metering.view", _("See readings")
    METERING_CONTROL = "metering.control", _("Command meters")


class SignInOutcome(models.TextChoices):
    OK = "OK", _("Signed in")
    WRONG = "WRONG", _("Wrong user name or password")
    LOCKED = "LOCKED", _("Locked out")
    SECOND_FACTOR = "SECOND_FACTOR", _("Wrong second factor")
    SIGNED_OUT = "SIGNED_OUT", _("Signed out")
    IDLE = "IDLE", _("Signed out after idling")
