/**
 * Roles, connectors, trusted clusters: resources that are documents, edited as YAML.
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import type { ResourceDocument } from "../../model/resource/envelope.ts";
import type { Kind } from "../../model/resource/kinds.ts";
import type { WebUserContext } from "../../model/web.ts";
import { call } from "../api.ts";
import { useCell } from "../cell.ts";
import { ask } from "../components/confirm.tsx";
import { Icon, type IconName } from "../components/icon.tsx";
import { Menu } from "../components/menu.tsx";
import { Empty, Failed, Page } from "../components/page.tsx";
import { SearchField } from "../components/search_field.tsx";
import { type Column, Table } from "../components/table.tsx";
import { tell } from "../components/toasts.tsx";
import { useLoaded } from "../loaded.ts";
import { place, setQuery } from "../router.ts";
import { may } from "../session.ts";
import type { PageInput } from "./page_input.ts";
import { ResourceEditor } from "./resource_editor.tsx";
import { summaryOf, TEMPLATES } from "./resource_text.ts";

/** What one such page is about. */
interface ResourcePageFacts {
  title: string;
  note: string;
  icon: IconName;
  kinds: readonly Kind[];
  empty: string;
}

export function RolesPage({ context }: PageInput) {
  return (
    <ResourcePage
      context={context}
      title="Roles"
      note="What users may do: logins, nodes by label, and the resources of the cluster."
      icon="shield"
      kinds={["role"]}
      empty="There are no roles that you may see."
    />
  );
}

export function ConnectorsPage({ context }: PageInput) {
  return (
    <ResourcePage
      context={context}
      title="Connectors"
      note="Identity providers that users can sign in with."
      icon="plug"
      kinds={["github", "oidc", "saml"]}
      empty="Users sign in with the passwords of this cluster. A connector lets them sign in with an account that they have elsewhere."
    />
  );
}

export function TrustedClustersPage({ context }: PageInput) {
  return (
    <ResourcePage
      context={context}
      title="Trusted clusters"
      note="Clusters whose users may reach this one."
      icon="link"
      kinds={["trusted_cluster"]}
      empty="This cluster trusts no other. A trusted cluster's users can reach the nodes here, with roles that you map."
    />
  );
}

async function listAll(context: WebUserContext, kinds: readonly Kind[], signal: AbortSignal) {
  const allowed = kinds.filter((kind) => may(context, kind, "list"));
  const lists = await Promise.all(allowed.map((kind) => call("resources.list", { kind }, signal)));
  return lists.flat().sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

function ResourcePage(
  { context, title, note, icon, kinds, empty }: ResourcePageFacts & { context: WebUserContext },
) {
  const { query } = useCell(place);
  const text = query.get("search") ?? "";
  const { value, failure, reload } = useLoaded((signal) => listAll(context, kinds, signal), [kinds.join()]);
  const [edited, setEdited] = useState<{ document?: ResourceDocument; template?: string }>();
  const rows = useMemo(
    () => value?.filter(({ metadata }) => metadata.name.toLowerCase().includes(text.toLowerCase())),
    [value, text],
  );
  const edit = (document: ResourceDocument) => setEdited({ document });
  const columns = useMemo(() => resourceColumns(context, edit, reload), [context]);
  if (failure !== undefined && !value) {
    return (
      <Page title={title}>
        <Failed failure={failure} retry={reload} />
      </Page>
    );
  }
  const creatable = kinds.filter((kind) => may(context, kind, "create"));
  const create = (kind: Kind) => {
    setEdited({ template: (TEMPLATES[kind] ?? "").replaceAll("PROXY:3080", location.host) });
  };
  return (
    <Page
      title={title}
      note={note}
      actions={
        <>
          <SearchField
            label={`Search ${title.toLowerCase()}`}
            value={text}
            onInput={(word) => setQuery("search", word)}
          />
          <CreateButton kinds={creatable} onCreate={create} />
        </>
      }
    >
      <Table
        label={title}
        columns={columns}
        rows={rows}
        rowKey={({ kind, metadata }) => `${kind}/${metadata.name}`}
        onOpen={edit}
        empty={
          <Empty icon={icon} title={text === "" ? "None yet" : "None fits"}>
            <p>{text === "" ? empty : "Try another word."}</p>
          </Empty>
        }
      />
      {edited && (
        <ResourceEditor
          {...edited}
          onClose={() => setEdited(undefined)}
          onSaved={() => {
            setEdited(undefined);
            reload();
          }}
        />
      )}
    </Page>
  );
}

function CreateButton({ kinds, onCreate }: { kinds: readonly Kind[]; onCreate: (kind: Kind) => void }) {
  const [only, ...more] = kinds;
  if (only === undefined) return null;
  if (more.length === 0) {
    return (
      <button type="button" onClick={() => onCreate(only)}>
        <Icon name="plus" />New
      </button>
    );
  }
  return (
    <Menu
      label="New connector"
      class=""
      items={kinds.map((kind) => ({ text: kind.toUpperCase(), run: () => onCreate(kind) }))}
    >
      <Icon name="plus" />
      New
      <Icon name="down" size={14} />
    </Menu>
  );
}

function resourceColumns(
  context: WebUserContext,
  edit: (document: ResourceDocument) => void,
  reload: () => void,
): Column<ResourceDocument>[] {
  return [
    {
      title: "Name",
      width: "30%",
      sort: ({ metadata }) => metadata.name,
      render: ({ metadata, kind }) => (
        <>
          <span class="first">{metadata.name}</span>
          {kind !== "role" && <span class="second">{kind.replace("_", " ")}</span>}
        </>
      ),
    },
    {
      title: "What it says",
      minor: true,
      render: (document) => <span class="soft">{document.metadata.description ?? summaryOf(document)}</span>,
    },
    {
      title: "Actions",
      width: "9rem",
      kind: "actions",
      render: (document) => (
        <>
          <button type="button" class="plain small" onClick={() => edit(document)}>
            {may(context, document.kind, "update") ? "Edit" : "Show"}
          </button>
          {may(context, document.kind, "delete") && (
            <button
              type="button"
              class="quiet square small danger"
              aria-label={`Remove ${document.metadata.name}`}
              title="Remove"
              onClick={() => remove(document, reload)}
            >
              <Icon name="close" size={16} />
            </button>
          )}
        </>
      ),
    },
  ];
}

function remove({ kind, metadata: { name } }: ResourceDocument, reload: () => void): void {
  ask({
    title: `Remove ${name}?`,
    text: kind === "role"
      ? "Users who have this role lose what it allows, at once."
      : "What depends on it stops working at once.",
    action: "Remove",
    danger: true,
    run: async () => {
      await call("resources.remove", { kind, name });
      tell(`${name} was removed.`);
      reload();
    },
  });
}
