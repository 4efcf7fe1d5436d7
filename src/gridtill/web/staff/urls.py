from django.urls import path

from gridtill.web.staff import log, notices, operators, profile, roles, settings

urlpatterns = [
    path("operators/", operators.operators, name="operators"),
    path("operators/add/", operators.add, name="operator_add"),
    path("operators/<int:operator_id>/", operators.operator, name="operator"),
    path("operators/<int:operator_id>/edit/", operators.edit, name="operator_edit"),
    path("operators/<int:operator_id>/password/", operators.password, name="operator_password"),
    path("operators/<int:operator_id>/active/", operators.active, name="operator_active"),
    path("operators/<int:operator_id>/unlock/", operators.unlock, name="operator_unlock"),
    path("operators/<int:operator_id>/second-factor/", operators.second_factor, name="operator_second_factor"),
    path("roles/", roles.roles, name="roles"),
    path("roles/add/", roles.add, name="role_add"),
    path("roles/<int:role_id>/", roles.edit, name="role_edit"),
    path("roles/<int:role_id>/delete/", roles.delete, name="role_delete"),
    path("log/", log.log, name="audit"),
    path("log/<int:record_id>/", log.record, name="audit_record"),
    path("notices/", notices.notices, name="notices"),
    path("notices/add/", notices.add, name="notice_add"),
    path("notices/<int:notice_id>/", notices.edit, name="notice_edit"),
    path("notices/<int:notice_id>/withdraw/", notices.withdraw, name="notice_withdraw"),
    path("settings/", settings.settings, name="settings"),
    path("profile/", profile.profile, name="profile"),
]
