from django.urls import path

from gridtill.web.accounts import views

urlpatterns = [
    path("accounts/", views.accounts, name="accounts"),
    path("accounts/<int:agreement_id>/open/", views.open_one, name="account_open"),
    path("accounts/<int:agreement_id>/cancel/", views.cancel, name="account_cancel"),
    path("accounts/<int:agreement_id>/worth/", views.worth, name="account_worth"),
    path("accounts/settled/<uuid:request_id>/", views.settled, name="account_settled"),
]
