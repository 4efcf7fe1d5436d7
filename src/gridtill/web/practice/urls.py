from django.urls import path

from gridtill.web.practice import views

urlpatterns = [
    path("practice/", views.meters, name="practice"),
    path("practice/<str:number>/", views.meter, name="practice_meter"),
    path("practice/<str:number>/enter/", views.key_in, name="practice_enter"),
    path("practice/<str:number>/do/", views.do, name="practice_do"),
]
