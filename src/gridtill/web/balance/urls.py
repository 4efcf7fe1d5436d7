from django.urls import path

from gridtill.web.balance import views

urlpatterns = [
    path("balance/", views.balance, name="daily_balance"),
    path("balance/close/", views.close, name="day_close"),
    path("balance/closed/<uuid:close_id>/", views.closed, name="day_closed"),
]
