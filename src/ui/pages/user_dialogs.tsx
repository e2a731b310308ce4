/**
 * Dialogs of the users' page: inviting, changing, locking, and the link that comes of it.
 * @module
 */
import { useState } from "preact/hooks";
import type { Output } from "../../api/contract.ts";
import { call } from "../api.ts";
import { CopyText } from "../components/copy_text.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Notice } from "../components/page.tsx";
import { tell } from "../components/toasts.tsx";
import { TextField, words } from "../components/text_field.tsx";
import { useLoaded } from "../loaded.ts";
import { href } from "../router.ts";
import { dateTime } from "../time_text.ts";

export type ListedUser = Output<"users.list">[number];

/** A link to choose a password. */
export interface UserLink {
  user: string;
  token: string;
  /** Milliseconds since the epoch. */
  expires: number;
  /** The user was there before. */
  reset: boolean;
}

const HOUR = 3_600_000;

export function InviteUser(
  { onClose, onInvited }: { onClose: () => void; onInvited: (link: UserLink) => void },
) {
  const [name, setName] = useState("");
  const [logins, setLogins] = useState("");
  const [roles, setRoles] = useState<readonly string[]>();
  return (
    <Dialog
      title="Invite a user"
      onClose={onClose}
      action={{
        text: "Make the invitation",
        disabled: name === "" || words(logins).length === 0,
        run: async () => {
          const { token, expires } = await call("users.invite", {
            name,
            logins: words(logins),
            ...(roles === undefined || roles.length === 0 ? {} : { roles: [...roles] }),
          });
          onInvited({ user: name, token, expires, reset: false });
        },
      }}
    >
      <TextField label="User name" value={name} onInput={setName} />
      <TextField
        label="Logins"
        value={logins}
        onInput={setLogins}
        hint="The accounts on the nodes that the user may use, such as: root, deploy"
      />
      <RoleChoice chosen={roles} onChange={setRoles} />
    </Dialog>
  );
}

export function EditUser(
  { user, onClose, onDone }: { user: ListedUser; onClose: () => void; onDone: () => void },
) {
  const [logins, setLogins] = useState(user.traits.logins?.join(", ") ?? "");
  const [roles, setRoles] = useState<readonly string[]>(user.roles);
  return (
    <Dialog
      title={`Roles and logins of ${user.name}`}
      onClose={onClose}
      action={{
        text: "Save",
        disabled: roles.length === 0,
        run: async () => {
          await call("users.update", { name: user.name, roles: [...roles], logins: words(logins) });
          tell(`${user.name} was changed.`);
          onDone();
        },
      }}
    >
      <RoleChoice chosen={roles} onChange={setRoles} />
      <TextField label="Logins" value={logins} onInput={setLogins} hint="Accounts on the nodes" />
    </Dialog>
  );
}

/** The roles that there are, to be ticked. Without the right to list them, they are typed. */
function RoleChoice(
  { chosen, onChange }: {
    chosen: readonly string[] | undefined;
    onChange: (roles: readonly string[]) => void;
  },
) {
  const { value, failure } = useLoaded((signal) => call("resources.list", { kind: "role" }, signal));
  if (failure !== undefined) {
    return (
      <TextField
        label="Roles"
        value={chosen?.join(", ") ?? ""}
        onInput={(text) => onChange(words(text))}
        hint="Left empty, the user gets the role that everybody gets"
      />
    );
  }
  const names = [...new Set([...value?.map(({ metadata }) => metadata.name) ?? [], ...chosen ?? []])].sort();
  const toggle = (name: string) =>
    onChange(chosen?.includes(name) ? chosen.filter((one) => one !== name) : [...chosen ?? [], name]);
  return (
    <fieldset class="field">
      <legend class="small">Roles</legend>
      <div class="choices">
        {names.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={chosen?.includes(name) ?? false} onChange={() => toggle(name)} />
            {name}
          </label>
        ))}
      </div>
      {chosen === undefined && (
        <p class="hint">With none ticked, the user gets the role that everybody gets.</p>
      )}
    </fieldset>
  );
}

export function LockUser(
  { user, onClose, onDone }: { user: ListedUser; onClose: () => void; onDone: () => void },
) {
  const [message, setMessage] = useState("");
  const [hours, setHours] = useState("");
  return (
    <Dialog
      title={`Lock ${user.name}?`}
      onClose={onClose}
      action={{
        text: "Lock",
        danger: true,
        run: async () => {
          await call("users.lock", {
            name: user.name,
            ...(message === "" ? {} : { message }),
            ...(hours === "" ? {} : { ttl: Number(hours) * HOUR }),
          });
          tell(`${user.name} was locked.`);
          onDone();
        },
      }}
    >
      <p>The user's sessions end within seconds, and no new ones begin until the lock is taken away.</p>
      <TextField label="Reason" value={message} onInput={setMessage} hint="Shown to administrators" />
      <div class="field">
        <label for="lock-hours">For how long</label>
        <select id="lock-hours" value={hours} onChange={(event) => setHours(event.currentTarget.value)}>
          <option value="">Until it is unlocked</option>
          <option value="1">1 hour</option>
          <option value="8">8 hours</option>
          <option value="24">1 day</option>
          <option value="168">1 week</option>
        </select>
      </div>
    </Dialog>
  );
}

export function LinkDialog({ link, onClose }: { link: UserLink; onClose: () => void }) {
  const address = location.origin + href(`/newuser/${link.token}`);
  return (
    <Dialog title={link.reset ? `${link.user} was reset` : `${link.user} is invited`} onClose={onClose}>
      <p>
        Give this link to {link.user}{" "}
        on a way that nobody else reads. Whoever opens it first chooses the password.
      </p>
      <CopyText text={address} label="Copy the link" />
      <div style={{ marginTop: "1rem" }}>
        <Notice tone="fair">It works once, until {dateTime(link.expires)}, and is not shown again.</Notice>
      </div>
    </Dialog>
  );
}
