"""darkroom.accounts.v1.UsersService: the people of the account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc

from darkroom.accounts.v1 import user_pb2, users_service_pb2_grpc
from darkroom.accounts.v1 import users_service_pb2 as pb
from services.accounts.domain.new_people import INVITATION_MINUTES, NewPeople
from services.accounts.domain.sign_in_links import NewLink
from services.accounts.domain.users import Users
from services.accounts.people import Person
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency

Context = grpc.aio.ServicerContext[Any, Any]


class NativeUsers(users_service_pb2_grpc.UsersServiceServicer):
    """For those who manage people. `public_url` is where people reach the console, for links."""

    def __init__(self, users: Users, new_people: NewPeople, public_url: str) -> None:
        self._users, self._new_people, self._public_url = users, new_people, public_url

    async def ListUsers(self, request: pb.ListUsersRequest, context: Context) -> pb.ListUsersResponse:
        people = await self._users.all(current_identity())
        return pb.ListUsersResponse(users=map(user_message, people), max_users=self._users.most)

    async def CreateUser(self, request: pb.CreateUserRequest, context: Context) -> pb.CreateUserResponse:
        role = request.role if request.HasField("role") else None
        team = request.team if request.HasField("team") else None
        call = current_idempotency()
        person = await self._new_people.add(current_identity(), request.user_name, request.password, role, team, call)
        return pb.CreateUserResponse(user=user_message(person))

    async def InviteUser(self, request: pb.InviteUserRequest, context: Context) -> pb.InviteUserResponse:
        role = request.role if request.HasField("role") else None
        team = request.team if request.HasField("team") else None
        call = current_idempotency()
        person, link = await self._new_people.invite(current_identity(), request.user_name, role, team, _validity(request), call)
        return pb.InviteUserResponse(user=user_message(person), sign_in_link=self._link(link))

    async def CreateSignInLink(self, request: pb.CreateSignInLinkRequest, context: Context) -> pb.CreateSignInLinkResponse:
        link = await self._new_people.renew(current_identity(), request.user_id, _validity(request))
        return pb.CreateSignInLinkResponse(sign_in_link=self._link(link))

    async def UpdateUser(self, request: pb.UpdateUserRequest, context: Context) -> pb.UpdateUserResponse:
        role = request.role if request.HasField("role") else None
        team = request.team if request.HasField("team") else None
        person = await self._users.update(current_identity(), request.user_id, role, team)
        return pb.UpdateUserResponse(user=user_message(person))

    async def ResetPassword(self, request: pb.ResetPasswordRequest, context: Context) -> pb.ResetPasswordResponse:
        await self._users.reset_password(current_identity(), request.user_id, request.new_password)
        return pb.ResetPasswordResponse()

    async def DeleteUser(self, request: pb.DeleteUserRequest, context: Context) -> pb.DeleteUserResponse:
        await self._users.delete(current_identity(), request.user_id)
        return pb.DeleteUserResponse()

    def _link(self, link: NewLink) -> pb.SignInLink:
        message = pb.SignInLink(url=link.url(self._public_url))
        message.expire_time.FromDatetime(link.expires_at)
        return message


def _validity(request: pb.InviteUserRequest | pb.CreateSignInLinkRequest) -> timedelta:
    return request.validity.ToTimedelta() if request.HasField("validity") else timedelta(minutes=INVITATION_MINUTES)


def user_message(person: Person) -> user_pb2.User:
    """A person as others see it."""
    message = user_pb2.User(
        id=person.public_id,
        name=person.name,
        role=person.role,
        permissions=sorted(person.permissions),
        team=person.team,
        must_change_password=person.must_change,
        analytics_enabled=person.analytics_enabled,
    )
    message.create_time.FromDatetime(person.created_at)
    if person.analytics_asked_at is not None:
        message.analytics_asked_time.FromDatetime(person.analytics_asked_at)
    if person.analytics_remind_at is not None:
        message.analytics_remind_time.FromDatetime(person.analytics_remind_at)
    return message
