from django.urls import path

from gridtill.web.receipts import check, views

urlpatterns = [
    path("receipts/<uuid:vend_id>.pdf", views.pdf, name="receipt_pdf"),
    path("receipts/<uuid:vend_id>/print", views.print_out, name="receipt_print"),
    path("r/<str:code>", check.check, name="receipt_check"),
]
