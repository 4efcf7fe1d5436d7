from django.urls import path

from gridtill.web.search import views

urlpatterns = [path("search/", views.search, name="search")]
