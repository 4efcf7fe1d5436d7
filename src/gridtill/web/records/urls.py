from django.urls import path

from gridtill.web.records import views

urlpatterns = [path("purchases/", views.purchases, name="purchases")]
