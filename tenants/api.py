"""REST: /organization, /api-keys, /members, /profiles, /teams."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import api_keys, invitations, limits, memberships
from tenants.api_base import OrgViewSet, Strict, always, pick_reference
from tenants.models import ApiKey, Membership, Organization, Profile, Team
from tenants.rest import fields
from tenants.rest.filters import Filter, FlagFilter, IdFilter, choice


@extend_schema_field(
    {"oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string", "enum": ["all"]}]}
)
class AllowedCountries(serializers.Field):
    """A list of ISO codes, or "all"."""

    def to_internal_value(self, data: Any) -> Any:
        if data == "all" or (isinstance(data, list) and all(isinstance(code, str) for code in data)):
            return data
        raise serializers.ValidationError('Give a list of two-letter codes, or "all".')

    def to_representation(self, value: Any) -> Any:
        return "all" if "*" in value else value


class OrganizationSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    name = fields.CharField(max_length=120, required=False)
    country = fields.CharField(required=False)
    timezone = fields.CharField(required=False)
    allowed_countries = AllowedCountries(required=False)
    stop_scope = fields.ChoiceField(Organization.StopScope.choices, required=False)
    quiet_hours = fields.ChoiceField(Organization.QuietHours.choices, required=False)
    quiet_hours_reason = fields.CharField(max_length=300, allow_blank=True, required=False)
    daily_cap = fields.IntegerField(
        min_value=0, max_value=limits.MOST_SEGMENTS, allow_null=True, required=False
    )
    monthly_cap = fields.IntegerField(
        min_value=0, max_value=limits.MOST_SEGMENTS, allow_null=True, required=False
    )
    require_consent = fields.BooleanField(required=False)
    created_at = fields.DateTimeField(read_only=True)


class OrganizationView(OrgViewSet):
    """The key's own organization: GET and PATCH /organization."""

    serializer_class = OrganizationSerializer
    pagination_class = None
    singles = ("read",)

    def get_queryset(self) -> Any:
        return Organization.objects.filter(pk=self.org.pk)

    def read(self, request: Request) -> Response:
        return Response(self.show(self.org))

    def hold(self) -> None:
        Organization.objects.select_for_update(no_key=True).get(pk=self.org.pk)
        self.org.refresh_from_db()

    def current(self) -> Any:
        return self.show(Organization.objects.get(pk=self.org.pk))

    def change(self, request: Request) -> Response:
        _refuse_read_only(request.data, self.serializer_class)
        changes = self.read_input(partial=True)
        # Switching quiet hours off needs a reason; one given before counts.
        return Response(self.show(limits.change_organization(org=self.org, **changes)))


def _refuse_read_only(data: Any, kind: type[serializers.Serializer]) -> None:
    """400 by name for what can be read but never written."""
    fixed = {name for name, field in kind().fields.items() if field.read_only and name in data}
    if fixed:
        detail = serializers.ErrorDetail("This field can’t be changed.", "read_only")
        raise serializers.ValidationError({str(name): [detail] for name in fixed})


class ApiKeySerializer(Strict):
    id = fields.UUIDField(read_only=True)
    name = fields.CharField(max_length=120)
    scopes = fields.ListField(child=fields.ChoiceField(list(api_keys.SCOPES)), allow_empty=False)
    sandbox = fields.BooleanField(default=False)
    expires_at = fields.DateTimeField(allow_null=True, required=False)
    prefix = fields.CharField(read_only=True)
    created_at = fields.DateTimeField(read_only=True)
    last_used_at = fields.DateTimeField(read_only=True, allow_null=True)
    revoked_at = fields.DateTimeField(read_only=True, allow_null=True)
    key = fields.CharField(read_only=True, help_text="shown once, when it is made")


class ApiKeyViewSet(OrgViewSet):
    """Keys of this API."""

    model, noun, serializer_class = ApiKey, "key", ApiKeySerializer
    filters = {"sandbox": FlagFilter("sandbox")}
    has_secrets = True
    for_test_keys = {"create": always, "destroy": lambda view: view.get_object().sandbox}

    def show(self, row: ApiKey) -> Any:
        names = [str(name) for name in ApiKeySerializer().fields if name != "key"]
        return {name: getattr(row, name) for name in names}

    def create(self, request: Request) -> Response:
        row, text = api_keys.mint(org=self.org, made_with=self.key, **self.read_input())
        return Response({**self.show(row), "key": text}, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: str) -> Response:
        api_keys.revoke_with(key=self.get_object(), by=self.key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MemberSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    email = fields.EmailField()
    name = fields.CharField(max_length=120)
    title = fields.CharField(max_length=120, allow_blank=True, default="")
    role = fields.ChoiceField(Membership.Role.choices, default=Membership.Role.REP)
    profile = fields.UUIDField(allow_null=True, required=False)
    teams = fields.ListField(child=fields.UUIDField(), required=False)
    send_invitation = fields.BooleanField(
        default=False, write_only=True, help_text="emails the link at which they accept and get a login"
    )
    is_active = fields.BooleanField(read_only=True, help_text="counts for routing, also before accepting")
    status = fields.ChoiceField(Membership.Status.choices, read_only=True)
    created_at = fields.DateTimeField(read_only=True)
    accepted_at = fields.DateTimeField(read_only=True, allow_null=True)


class MemberChangeSerializer(Strict):
    name = fields.CharField(max_length=120, required=False)
    title = fields.CharField(max_length=120, allow_blank=True, required=False)
    role = fields.ChoiceField(Membership.Role.choices, required=False)
    profile = fields.UUIDField(allow_null=True, required=False)
    teams = fields.ListField(child=fields.UUIDField(), required=False)
    is_active = fields.BooleanField(required=False)


class MemberViewSet(OrgViewSet):
    """People of the organization."""

    model, noun, serializer_class = Membership, "member", MemberSerializer
    filters = {
        "role": choice("role", Membership.Role.choices),
        "is_active": FlagFilter("is_active"),
        "email": Filter("email__iexact"),
        "profile": IdFilter("profile"),
    }

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("places")

    def hold(self) -> None:
        memberships.hold_member(org_id=self.org.pk, pk=self.get_object().pk)

    def show(self, row: Membership) -> Any:
        return {
            "id": row.pk,
            "email": row.email,
            "name": row.name,
            "title": row.title,
            "role": row.role,
            "profile": row.profile_id,
            "teams": sorted(place.team_id for place in row.places.all()),
            "is_active": row.is_active,
            "status": row.status,
            "created_at": row.created_at,
            "accepted_at": row.accepted_at,
        }

    def create(self, request: Request) -> Response:
        data = self._with_groups(self.read_input())
        send_invitation = data.pop("send_invitation")
        row = memberships.add_member(org=self.org, **data)
        if send_invitation:
            invitations.invite(member=row, by=self.key.created_by)
        return Response(self.show(self.get_queryset().get(pk=row.pk)), status=status.HTTP_201_CREATED)

    @extend_schema(request=MemberChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        memberships.change_member(member=row, **self._with_groups(self.read_input(MemberChangeSerializer)))
        return Response(self.show(self.get_queryset().get(pk=row.pk)))

    def destroy(self, request: Request, pk: str) -> Response:
        memberships.end_membership(member=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={202: MemberSerializer})
    @action(detail=True, methods=["post"], url_path="invitation")
    def invite(self, request: Request, pk: str) -> Response:
        """Emails a new invitation link; the one before stops working."""
        row = self.get_object()
        invitations.invite(member=row, by=self.key.created_by)
        return Response(self.show(row), status=status.HTTP_202_ACCEPTED)

    def _with_groups(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("profile"):
            given["profile"] = pick_reference(
                Profile.objects.for_org(self.org), given["profile"], "profile", "profile"
            )
        if "teams" in given:
            teams = Team.objects.for_org(self.org)
            given["teams"] = [pick_reference(teams, pk, "team", "teams") for pk in given["teams"]]
        return given


class GroupSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    name = fields.CharField(max_length=120)
    members = fields.ListField(child=fields.UUIDField(), read_only=True)


class _GroupViewSet(OrgViewSet):
    serializer_class = GroupSerializer

    def create(self, request: Request) -> Response:
        row = memberships.named_group(model=self.model, org=self.org, **self.read_input())  # type: ignore[arg-type]
        return Response(self.show(row), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        given = self.read_input()
        row = memberships.named_group(model=self.model, org=self.org, pk=self.get_object().pk, **given)  # type: ignore[arg-type]
        return Response(self.show(row))

    def destroy(self, request: Request, pk: str) -> Response:
        memberships.delete_group(group=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProfileViewSet(_GroupViewSet):
    """Named groups; a member has at most one."""

    model, noun = Profile, "profile"

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("members")

    def show(self, row: Profile) -> Any:
        return {"id": row.pk, "name": row.name, "members": sorted(member.pk for member in row.members.all())}


class TeamViewSet(_GroupViewSet):
    """Named groups; a member may be in any number."""

    model, noun = Team, "team"

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("places")

    def show(self, row: Team) -> Any:
        return {
            "id": row.pk,
            "name": row.name,
            "members": sorted(place.member_id for place in row.places.all()),
        }


ROUTES = [
    ("api-keys", ApiKeyViewSet),
    ("members", MemberViewSet),
    ("profiles", ProfileViewSet),
    ("teams", TeamViewSet),
]
