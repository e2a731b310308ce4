/**
 * Tokens by which new hosts join, for administrators. To see a token is to hold it.
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import type { Input, Output } from "../../api/contract.ts";
import type { WebUserContext } from "../../model/web.ts";
import { call } from "../api.ts";
import { ask } from "../components/confirm.tsx";
import { CopyText } from "../components/copy_text.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Icon } from "../components/icon.tsx";
import { Moment } from "../components/moment.tsx";
import { Empty, Failed, Notice, Page } from "../components/page.tsx";
import { type Column, Table } from "../components/table.tsx";
import { tell } from "../components/toasts.tsx";
import { useLoaded } from "../loaded.ts";
import { may } from "../session.ts";
import { dateTime } from "../time_text.ts";
import type { PageInput } from "./page_input.ts";

type Token = Output<"tokens.list">[number];
type TokenRole = Input<"tokens.create">["roles"][number];

const HOUR = 3_600_000;
const ROLES: readonly { role: TokenRole; text: string }[] = [
  { role: "node", text: "Node: an SSH server that users connect to" },
  { role: "proxy", text: "Proxy: a door to the cluster" },
  { role: "auth", text: "Auth: another auth server" },
];

export function TokensPage({ context }: PageInput) {
  const { value, failure, reload } = useLoaded((signal) => call("tokens.list", {}, signal), [], 30_000);
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<{ token: string; expires: number; roles: readonly TokenRole[] }>();
  const columns = useMemo(() => tokenColumns(context, reload), [context]);
  if (failure !== undefined && !value) {
    return (
      <Page title="Tokens">
        <Failed failure={failure} retry={reload} />
      </Page>
    );
  }
  return (
    <Page
      title="Tokens"
      note="What new hosts prove themselves with when they join the cluster."
      actions={may(context, "token", "create") && (
        <button type="button" onClick={() => setCreating(true)}>
          <Icon name="plus" />
          Create a token
        </button>
      )}
    >
      <Table
        label="Tokens"
        columns={columns}
        rows={value}
        rowKey={({ token }) => token}
        empty={
          <Empty icon="key" title="There are no tokens">
            <p>Create one to add a node or a proxy to the cluster.</p>
          </Empty>
        }
      />
      {creating && (
        <CreateToken
          onClose={() => setCreating(false)}
          onMade={(token) => {
            setCreating(false);
            setMade(token);
            reload();
          }}
        />
      )}
      {made && (
        <Dialog title="The token" onClose={() => setMade(undefined)}>
          <p>On the new host, run:</p>
          <CopyText text={joinCommand(made)} label="Copy the command" />
          <div style={{ marginTop: "1rem" }}>
            <Notice tone="fair">
              Whoever has the token can join hosts until{" "}
              {dateTime(made.expires)}. Put the auth server's address into the command; with --ca-pin the host
              is sure to meet the right one.
            </Notice>
          </div>
        </Dialog>
      )}
    </Page>
  );
}

function joinCommand({ token, roles }: { token: string; roles: readonly TokenRole[] }): string {
  return `teleport start --roles=${roles.join(",")} --token=${token} --auth-server=AUTH-ADDRESS:3025`;
}

function tokenColumns(context: WebUserContext, reload: () => void): Column<Token>[] {
  return [
    {
      title: "Token",
      render: ({ token, user }) => (
        <>
          <span class="first mono" title={token}>{token}</span>
          {user !== undefined && <span class="second">for {user}</span>}
        </>
      ),
    },
    {
      title: "For",
      width: "22%",
      sort: ({ roles }) => roles.join(),
      render: ({ roles }) => (
        <span class="chips">{roles.map((role) => <span key={role} class="badge">{role}</span>)}</span>
      ),
    },
    {
      title: "Expires",
      width: "9rem",
      sort: ({ expires }) => expires ?? Infinity,
      render: ({ expires }) =>
        expires === undefined ? <span class="soft">never</span> : <Moment at={expires} />,
    },
    {
      title: "Remove",
      width: "4rem",
      kind: "actions",
      render: (token) =>
        token.static
          ? <span class="badge" title="It is in the auth server's configuration file">fixed</span>
          : may(context, "token", "delete")
          ? (
            <button
              type="button"
              class="quiet square small danger"
              aria-label="Remove this token"
              title="Remove"
              onClick={() => remove(token, reload)}
            >
              <Icon name="close" size={16} />
            </button>
          )
          : null,
    },
  ];
}

function remove({ token }: Token, reload: () => void): void {
  ask({
    title: "Remove this token?",
    text: "No host can join with it any more. Those that have joined stay.",
    action: "Remove the token",
    danger: true,
    run: async () => {
      await call("tokens.remove", { token });
      tell("The token was removed.");
      reload();
    },
  });
}

interface CreateTokenProps {
  onClose: () => void;
  onMade: (token: { token: string; expires: number; roles: readonly TokenRole[] }) => void;
}

function CreateToken({ onClose, onMade }: CreateTokenProps) {
  const [roles, setRoles] = useState<readonly TokenRole[]>(["node"]);
  const [hours, setHours] = useState("1");
  const toggle = (role: TokenRole) =>
    setRoles(roles.includes(role) ? roles.filter((one) => one !== role) : [...roles, role]);
  return (
    <Dialog
      title="Create a token"
      onClose={onClose}
      action={{
        text: "Create",
        disabled: roles.length === 0,
        run: async () => {
          const made = await call("tokens.create", { roles: [...roles], ttl: Number(hours) * HOUR });
          onMade({ ...made, roles });
        },
      }}
    >
      <fieldset class="field">
        <legend class="small">What hosts may become with it</legend>
        {ROLES.map(({ role, text }) => (
          <label key={role} class="check">
            <input type="checkbox" checked={roles.includes(role)} onChange={() => toggle(role)} />
            {text}
          </label>
        ))}
      </fieldset>
      <div class="field">
        <label for="token-hours">How long it can be used</label>
        <select id="token-hours" value={hours} onChange={(event) => setHours(event.currentTarget.value)}>
          <option value="1">1 hour</option>
          <option value="8">8 hours</option>
          <option value="24">1 day</option>
          <option value="48">2 days</option>
        </select>
      </div>
    </Dialog>
  );
}
