from django.urls import path

from gridtill.web.records import views

urlpatterns = [
    path("purchases/", views.purchases, name="purchases"),
    path("purchases/<uuid:vend_id>/", views.purchase, name="purchase"),
]
