from django.urls import path

from gridtill.web.tokens import check, views

urlpatterns = [
    path("tokens/", views.tokens, name="engineering"),
    path("tokens/check/", check.check, name="token_check"),
    path("tokens/ask/", views.choose, name="engineering_choose"),
    path("tokens/ask/<slug:kind>/", views.ask, name="engineering_ask"),
    path("tokens/batch/<uuid:batch_id>/", views.batch, name="engineering_batch"),
    path("tokens/batch/<uuid:batch_id>/digits.csv", views.digits, name="engineering_digits"),
    path("tokens/batch/<uuid:batch_id>/decide/", views.decide, name="engineering_decide"),
    path("tokens/batch/<uuid:batch_id>/make/", views.make, name="engineering_make"),
    path("tokens/<uuid:token_id>/<slug:act>/", views.act_on, name="engineering_act"),
]
