from django.urls import path

from gridtill.web.archives import customers, network

urlpatterns = [
    path("archives/", network.archives, name="archives"),
    path("archives/branch/<int:unit_id>/", network.branch, name="archive_branch"),
    path("archives/unit/<int:unit_id>/", network.unit, name="archive_unit"),
    path("archives/unit/<int:unit_id>/modify/", network.modify_unit_page, name="archive_unit_modify"),
    path("archives/unit/<int:unit_id>/delete/", network.delete_unit, name="archive_unit_delete"),
    path("archives/unit/<int:unit_id>/add-office/", network.add_office, name="archive_office_add"),
    path("archives/unit/<int:unit_id>/add-feeder/", network.add_feeder_page, name="archive_feeder_add"),
    path("archives/unit/<int:unit_id>/add-transformer/", network.add_transformer_page, name="archive_transformer_add"),
    path("archives/feeder/<int:feeder_id>/", network.feeder, name="archive_feeder"),
    path("archives/feeder/<int:feeder_id>/modify/", network.modify_feeder_page, name="archive_feeder_modify"),
    path("archives/feeder/<int:feeder_id>/delete/", network.delete_feeder_page, name="archive_feeder_delete"),
    path("archives/transformer/<int:transformer_id>/", network.transformer, name="archive_transformer"),
    path(
        "archives/transformer/<int:transformer_id>/modify/",
        network.modify_transformer_page,
        name="archive_transformer_modify",
    ),
    path(
        "archives/transformer/<int:transformer_id>/delete/",
        network.delete_transformer_page,
        name="archive_transformer_delete",
    ),
    path("archives/transformer/<int:transformer_id>/add-customer/", customers.add, name="archive_customer_add"),
    path("archives/pick/", customers.pick, name="customer_pick"),
    path("archives/customers/", customers.customers, name="archive_customers"),
    path("archives/customers/<int:customer_id>/", customers.customer, name="archive_customer"),
    path("archives/customers/<int:customer_id>/modify/", customers.modify, name="archive_customer_modify"),
    path("archives/customers/<int:customer_id>/delete/", customers.delete, name="archive_customer_delete"),
    path("archives/customers/<int:customer_id>/add-point/", customers.add_point, name="archive_point_add"),
    path("archives/points/<int:point_id>/modify/", customers.modify_point, name="archive_point_modify"),
    path("archives/points/<int:point_id>/delete/", customers.delete_point, name="archive_point_delete"),
    path("archives/points/<int:point_id>/install/", customers.install, name="archive_point_install"),
    path("archives/points/<int:point_id>/remove/", customers.remove, name="archive_point_remove"),
    path("archives/points/<int:point_id>/pause/", customers.pause, name="archive_point_pause"),
]
