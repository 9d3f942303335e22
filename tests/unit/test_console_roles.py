from console.people.roles import ConsoleRole, Person, RoleGrant

LOCAL = Person("ada", (RoleGrant(ConsoleRole.OPERATOR, frozenset({"lakeside"})),))
GLOBAL = Person("priya", (RoleGrant(ConsoleRole.VIEWER),))


def test_a_role_for_one_district_says_nothing_about_another() -> None:
    assert LOCAL.may(ConsoleRole.OPERATOR, "lakeside")
    assert not LOCAL.may(ConsoleRole.VIEWER, "hillcrest")
    assert LOCAL.visible(["hillcrest", "lakeside"]) == ("lakeside",)


def test_who_has_a_role_may_do_what_smaller_roles_may_and_no_more() -> None:
    assert LOCAL.may(ConsoleRole.VIEWER, "lakeside")
    assert not LOCAL.may(ConsoleRole.ADMINISTRATOR, "lakeside")


def test_what_belongs_to_no_district_is_for_those_with_a_role_in_all() -> None:
    assert GLOBAL.sees_everything()
    assert not LOCAL.sees_everything()
    assert LOCAL.granted_districts() == frozenset({"lakeside"})
    assert GLOBAL.granted_districts() is None


def test_nobody_without_a_grant_sees_anything() -> None:
    assert Person("eve", ()).visible(["lakeside"]) == ()
    assert Person("eve", ()).granted_districts() == frozenset()
