from django.urls import path

from gridtill.web.till import views

urlpatterns = [
    path("till/", views.till, name="till"),
    path("till/open/", views.open_till, name="till_open"),
    path("till/drop/", views.drop, name="till_drop"),
    path("till/count/", views.count, name="till_count"),
    path("till/count/<int:shift_id>/", views.count_for, name="till_count_for"),
    path("till/sign/<int:shift_id>/", views.sign, name="till_sign"),
]
