from django.urls import path

from gridtill.web.receipts import check

urlpatterns = [
    path("r/<str:code>", check.check, name="receipt_check"),
]
