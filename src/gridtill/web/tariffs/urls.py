from django.urls import path

from gridtill.web.tariffs import trying, views, writing

urlpatterns = [
    path("tariffs/", views.tariffs, name="tariffs"),
    path("tariffs/add/", writing.add, name="tariff_add"),
    path("tariffs/published/", writing.published, name="tariffs_published"),
    path("tariffs/<int:structure_id>/", views.current, name="tariff"),
    path("tariffs/versions/<int:version_id>/", views.version, name="tariff_version"),
    path("tariffs/versions/<int:version_id>/try/", trying.try_it, name="tariff_try"),
    path("tariffs/versions/<int:version_id>/activate/", writing.activate, name="tariff_activate"),
    path("tariffs/versions/<int:version_id>/withdraw/", writing.withdraw, name="tariff_withdraw"),
]
