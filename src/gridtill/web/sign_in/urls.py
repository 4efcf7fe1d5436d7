from django.urls import path

from gridtill.web.sign_in import views

urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("password/", views.password, name="password"),
    path("second-factor/", views.second_factor, name="second_factor"),
]
