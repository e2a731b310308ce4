/**
 * The cluster's users, for administrators.
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import type { WebUserContext } from "../../model/web.ts";
import { call } from "../api.ts";
import { useCell } from "../cell.ts";
import { ask } from "../components/confirm.tsx";
import { Icon } from "../components/icon.tsx";
import { Menu, type MenuItem } from "../components/menu.tsx";
import { Moment } from "../components/moment.tsx";
import { Empty, Failed, Page } from "../components/page.tsx";
import { SearchField } from "../components/search_field.tsx";
import { type Column, Table } from "../components/table.tsx";
import { tell } from "../components/toasts.tsx";
import { useLoaded } from "../loaded.ts";
import { place, setQuery } from "../router.ts";
import { may } from "../session.ts";
import { dateTime } from "../time_text.ts";
import {
  EditUser,
  InviteUser,
  LinkDialog,
  type ListedUser,
  LockUser,
  type UserLink,
} from "./user_dialogs.tsx";
import type { PageInput } from "./page_input.ts";

/** A dialog that is open. */
type Open =
  | { kind: "invite" }
  | { kind: "edit" | "lock"; user: ListedUser }
  | { kind: "link"; link: UserLink };

export function UsersPage({ context }: PageInput) {
  const { query } = useCell(place);
  const text = query.get("search") ?? "";
  const { value, failure, reload } = useLoaded((signal) => call("users.list", {}, signal), [], 30_000);
  const [open, setOpen] = useState<Open>();
  const rows = useMemo(() => value && sortedUsers(value, text), [value, text]);
  const columns = useMemo(() => userColumns(context, setOpen, reload), [context]);
  const close = () => setOpen(undefined);
  const done = () => {
    close();
    reload();
  };
  if (failure !== undefined && !value) {
    return (
      <Page title="Users">
        <Failed failure={failure} retry={reload} />
      </Page>
    );
  }
  return (
    <Page
      title="Users"
      note={rows ? `${rows.length} ${rows.length === 1 ? "user" : "users"}` : "Loading…"}
      actions={
        <>
          <SearchField label="Search users" value={text} onInput={(word) => setQuery("search", word)} />
          {may(context, "user", "create") && (
            <button
              type="button"
              onClick={() => setOpen({ kind: "invite" })}
            >
              <Icon name="plus" />
              Invite
            </button>
          )}
        </>
      }
    >
      <Table
        label="Users"
        columns={columns}
        rows={rows}
        rowKey={({ name }) => name}
        empty={
          <Empty icon="users" title="No user fits">
            <p>Try another word.</p>
          </Empty>
        }
      />
      {open?.kind === "invite" && (
        <InviteUser
          onClose={close}
          onInvited={(link) => {
            reload();
            setOpen({ kind: "link", link });
          }}
        />
      )}
      {open?.kind === "edit" && <EditUser user={open.user} onClose={close} onDone={done} />}
      {open?.kind === "lock" && <LockUser user={open.user} onClose={close} onDone={done} />}
      {open?.kind === "link" && <LinkDialog link={open.link} onClose={close} />}
    </Page>
  );
}

function sortedUsers(users: readonly ListedUser[], text: string): ListedUser[] {
  const words = text.toLowerCase().split(/\s+/);
  return users
    .filter(({ name, roles, traits }) => {
      const all = [name, ...roles, ...traits.logins ?? []].join("\n").toLowerCase();
      return words.every((word) => all.includes(word));
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

function userColumns(
  context: WebUserContext,
  open: (open: Open) => void,
  reload: () => void,
): Column<ListedUser>[] {
  return [
    {
      title: "Name",
      width: "26%",
      sort: ({ name }) => name,
      render: ({ name }) => (
        <span class="line">
          <span class="avatar" aria-hidden="true">{name.slice(0, 2)}</span>
          <span class="cut">{name}</span>
          {name === context.user && <span class="badge accent">you</span>}
        </span>
      ),
      narrow: ({ name, roles }) => (
        <>
          <span class="first">{name}</span>
          <span class="second">{roles.join(", ")}</span>
        </>
      ),
    },
    {
      title: "Roles",
      minor: true,
      sort: ({ roles }) => roles.join(),
      render: ({ roles }) => roles.join(", "),
    },
    {
      title: "Logins",
      minor: true,
      render: ({ traits }) => <span class="mono soft">{traits.logins?.join(", ") ?? ""}</span>,
    },
    {
      title: "Created",
      width: "9rem",
      minor: true,
      sort: ({ created }) => -created,
      render: ({ created }) => <Moment at={created} />,
    },
    {
      title: "State",
      width: "7rem",
      sort: ({ lock }) => lock ? 1 : 0,
      render: ({ lock, expires }) =>
        lock
          ? (
            <span class="badge bad" title={lockText(lock)}>
              <Icon name="lock" size={12} />
              locked
            </span>
          )
          : expires !== undefined
          ? <span class="badge fair" title={`Expires ${dateTime(expires)}`}>expires</span>
          : <span class="badge good">active</span>,
    },
    {
      title: "Actions",
      width: "4rem",
      kind: "actions",
      render: (user) => (
        <Menu
          label={`Actions for ${user.name}`}
          items={userItems(context, user, open, reload)}
          class="quiet square small"
        >
          <Icon name="more" size={16} />
        </Menu>
      ),
    },
  ];
}

function lockText({ message, until }: NonNullable<ListedUser["lock"]>): string {
  return [message, until === undefined ? "" : `until ${dateTime(until)}`].filter(Boolean).join(", ");
}

function userItems(
  context: WebUserContext,
  user: ListedUser,
  open: (open: Open) => void,
  reload: () => void,
): MenuItem[] {
  const { name } = user;
  const items: MenuItem[] = [];
  if (may(context, "user", "update")) {
    items.push({ text: "Roles and logins", icon: "shield", run: () => open({ kind: "edit", user }) });
    items.push({
      text: "Reset password and code",
      icon: "key",
      run: () =>
        ask({
          title: `Reset ${name}?`,
          text: "Password and second factor are void at once. You get a link to choose new ones.",
          action: "Reset",
          danger: true,
          run: async () => {
            const { token, expires } = await call("users.reset", { name });
            open({ kind: "link", link: { user: name, token, expires, reset: true } });
          },
        }),
    });
    if (user.lock) {
      items.push({
        text: "Unlock",
        icon: "check",
        run: () =>
          ask({
            title: `Unlock ${name}?`,
            text: "The user can sign in again at once.",
            action: "Unlock",
            run: async () => {
              await call("users.unlock", { name });
              tell(`${name} was unlocked.`);
              reload();
            },
          }),
      });
    } else items.push({ text: "Lock", icon: "lock", run: () => open({ kind: "lock", user }) });
  }
  if (may(context, "user", "delete")) {
    items.push({
      text: "Remove",
      icon: "close",
      danger: true,
      run: () =>
        ask({
          title: `Remove ${name}?`,
          text: "The account is gone for good, and the user's sessions end.",
          action: "Remove the user",
          danger: true,
          run: async () => {
            await call("users.remove", { name });
            tell(`${name} was removed.`);
            reload();
          },
        }),
    });
  }
  return items;
}
