from django.urls import path

from gridtill.web.assets import imports, views

urlpatterns = [
    path("assets/", views.first, name="assets"),
    path("assets/<slug:slug>/", views.assets, name="asset_list"),
    path("assets/<slug:slug>/add/", views.add, name="asset_add"),
    path("assets/<slug:slug>/import/", imports.upload, name="asset_import"),
    path("assets/<slug:slug>/import/template.<str:form>", imports.template, name="asset_import_template"),
    path("assets/<slug:slug>/import/<uuid:batch_id>/", imports.check, name="asset_import_check"),
    path("assets/<slug:slug>/import/<uuid:batch_id>/columns/", imports.columns, name="asset_import_columns"),
    path("assets/<slug:slug>/import/<uuid:batch_id>/wrong.csv", imports.wrong_rows, name="asset_import_wrong"),
    path("assets/<slug:slug>/<int:asset_id>/", views.asset, name="asset"),
    path("assets/<slug:slug>/<int:asset_id>/edit/", views.edit, name="asset_edit"),
    path("assets/<slug:slug>/<int:asset_id>/move/", views.move, name="asset_move"),
    path("assets/<slug:slug>/<int:asset_id>/delete/", views.delete, name="asset_delete"),
]
