from django.urls import path

from gridtill.web.debts import views

urlpatterns = [
    path("debts/", views.debts, name="debts"),
    path("debts/add/", views.add, name="debt_add"),
    path("debts/<int:debt_id>/", views.debt, name="debt"),
    path("debts/<int:debt_id>/edit/", views.edit, name="debt_edit"),
    path("debts/<int:debt_id>/freeze/", views.freeze, name="debt_freeze"),
]
