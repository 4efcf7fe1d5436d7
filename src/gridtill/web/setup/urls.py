from django.urls import path

from gridtill.web.setup import halls, keys

urlpatterns = [
    path("halls/", halls.halls, name="halls"),
    path("halls/add/", halls.add_hall, name="hall_add"),
    path("halls/<int:hall_id>/modify/", halls.modify_hall, name="hall_modify"),
    path("halls/<int:hall_id>/add-till/", halls.add_till_page, name="till_add"),
    path("halls/tills/<int:till_id>/modify/", halls.modify_till_page, name="till_modify"),
    path("keys/", keys.keys, name="vending_keys"),
    path("keys/add/", keys.add, name="vending_key_add"),
    path("keys/import/", keys.import_file, name="vending_key_import"),
    path("keys/<int:key_id>/restrict/", keys.restrict, name="vending_key_restrict"),
    path("keys/entries/<uuid:entry_id>/", keys.complete, name="vending_key_complete"),
    path("keys/entries/<uuid:entry_id>/cancel/", keys.cancel, name="vending_key_cancel"),
]
