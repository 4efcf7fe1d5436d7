from django.urls import path

from gridtill.web.counter import messages, reversals, views

urlpatterns = [
    path("counter/", views.counter, name="counter"),
    path("counter/find/", views.find, name="counter_find"),
    path("counter/quote/<int:agreement_id>/", views.quote, name="counter_quote"),
    path("counter/sell/<int:agreement_id>/", views.sell, name="counter_sell"),
    path("counter/asked/<int:agreement_id>/", views.asked, name="counter_asked"),
    path("counter/sold/<uuid:vend_id>/", views.sold, name="counter_sold"),
    path("counter/sold/<uuid:vend_id>/issue/", views.issue, name="counter_issue"),
    path("counter/sold/<uuid:vend_id>/send/", messages.send, name="counter_send"),
    path("counter/sold/<uuid:vend_id>/receipt/", views.receipt, name="receipt"),
    path("counter/sold/<uuid:vend_id>/take-back/", reversals.take_back, name="take_back"),
    path("counter/sold/<uuid:vend_id>/modify/", reversals.modify, name="modify"),
    path("counter/sold/<uuid:vend_id>/cheque-returned/", reversals.cheque_returned, name="cheque_returned"),
    path("recoveries/", reversals.waiting, name="recoveries"),
    path("recoveries/<uuid:wish_id>/", reversals.decide, name="recovery_decide"),
]
