from django.urls import path

from gridtill.web.banking import views

urlpatterns = [
    path("banking/", views.banking, name="banking"),
    path("banking/<uuid:batch_id>/arrived/", views.arrived, name="batch_arrived"),
]
