/**
 * Tables of any length: only the rows in sight are drawn, so a thousand are as quick as ten.
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useNarrow } from "../narrow.ts";
import { Icon } from "./icon.tsx";

export interface Column<T> {
  /** The head's text. */
  title: string;
  /** Of the table, such as `30%` or `9rem`; columns without share the rest. */
  width?: string;
  /** Left out where the screen is narrow. */
  minor?: boolean;
  /** `actions`: buttons, with a head for screen readers only. */
  kind?: "text" | "number" | "actions";
  /** What the rows are sorted by; without it, they are not by this column. */
  sort?: (row: T) => string | number;
  render: (row: T) => ComponentChildren;
  /** The same on a narrow screen, where minor columns are missing. */
  narrow?: (row: T) => ComponentChildren;
}

export interface TableProps<T> {
  /** What the table lists, for screen readers. */
  label: string;
  columns: readonly Column<T>[];
  /** Undefined while they are loaded. */
  rows: readonly T[] | undefined;
  rowKey: (row: T) => string;
  /** In place of a table without rows. */
  empty: ComponentChildren;
  /** What a click into a row does. There must be a button or link in the row for it, too. */
  onOpen?: (row: T) => void;
  /** After the last row. */
  foot?: ComponentChildren;
}

/** Rows drawn above and below those in sight, so that quick scrolling shows no gaps. */
const MARGIN = 12;

/** By which column, named by its title, the user has sorted. */
type Order = { title: string; descending: boolean } | undefined;

export function Table<T>({ label, columns: all, rows, rowKey, empty, onOpen, foot }: TableProps<T>) {
  const narrow = useNarrow();
  const columns = useMemo(() => narrow ? narrowColumns(all) : all, [all, narrow]);
  const [order, setOrder] = useState<Order>();
  const sorted = useMemo(() => sortRows(rows ?? [], columns, order), [rows, columns, order]);
  const frame = useRef<HTMLDivElement>(null);
  const { first, last, height } = useRowsInSight(frame, sorted.length);
  if (rows?.length === 0) return <>{empty}</>;
  return (
    <div class="table" ref={frame} tabIndex={0} role="region" aria-label={label}>
      <table aria-rowcount={sorted.length + 1} aria-busy={rows === undefined}>
        <colgroup>
          {columns.map(({ title, width }) => <col key={title} style={{ width }} />)}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <HeadCell key={column.title} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined ? <Skeleton columns={columns} /> : null}
          <Space height={first * height} columns={columns.length} />
          {sorted.slice(first, last).map((row, index) => (
            <tr
              key={rowKey(row)}
              class={onOpen ? "opens" : ""}
              aria-rowindex={first + index + 2}
              onClick={onOpen && ((event) => isControl(event.target) || onOpen(row))}
            >
              {columns.map((column) => (
                <td key={column.title} class={column.kind}>
                  {column.kind === "actions" ? <div>{column.render(row)}</div> : column.render(row)}
                </td>
              ))}
            </tr>
          ))}
          <Space height={(sorted.length - last) * height} columns={columns.length} />
        </tbody>
      </table>
      {foot}
    </div>
  );
}

/** The columns of a narrow screen; those that take a part of the width share what is left. */
function narrowColumns<T>(columns: readonly Column<T>[]): Column<T>[] {
  return columns.filter(({ minor }) => !minor).map((column) => ({
    ...column,
    ...(column.narrow ? { render: column.narrow } : {}),
    ...(column.width?.endsWith("%") ? { width: "" } : {}),
  }));
}

interface HeadCellProps<T> {
  column: Column<T>;
  order: Order;
  onOrder: (order: Order) => void;
}

function HeadCell<T>({ column, order, onOrder }: HeadCellProps<T>) {
  const { title, kind, sort } = column;
  const mine = order?.title === title ? order : undefined;
  const direction = mine ? mine.descending ? "descending" : "ascending" : sort ? "none" : undefined;
  const next = (): Order =>
    !mine ? { title, descending: false } : mine.descending ? undefined : { ...mine, descending: true };
  return (
    <th scope="col" aria-sort={direction}>
      {kind === "actions"
        ? <span class="visually-hidden">{title}</span>
        : sort
        ? (
          <button type="button" onClick={() => onOrder(next())}>
            {title}
            {mine && <Icon name={mine.descending ? "down" : "up"} size={13} />}
          </button>
        )
        : title}
    </th>
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr class="space" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}

function Skeleton<T>({ columns }: { columns: readonly Column<T>[] }) {
  return (
    <>
      {[0, 1, 2, 3, 4, 5].map((row) => (
        <tr class="skeleton" key={row} aria-hidden="true">
          {columns.map((column) => (
            <td key={column.title} class={column.kind}>
              <span />
            </td>
          ))}
        </tr>
      ))}
    </>
  );
}

function sortRows<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order): readonly T[] {
  const by = columns.find(({ title }) => title === order?.title)?.sort;
  if (!by) return rows;
  const sign = order?.descending ? -1 : 1;
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compare = (a: string | number, b: string | number) =>
    typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  return [...rows].sort((a, b) => sign * compare(by(a), by(b)));
}

function useRowsInSight(frame: { current: HTMLDivElement | null }, count: number) {
  const [sight, setSight] = useState({ top: 0, shown: 40, height: 46 });
  const look = () => {
    const element = frame.current;
    if (!element) return;
    const height = Number.parseFloat(getComputedStyle(element).getPropertyValue("--row")) || 46;
    const next = {
      top: Math.floor(element.scrollTop / height),
      shown: Math.ceil(element.clientHeight / height) + 1,
      height,
    };
    setSight((was) => was.top === next.top && was.shown === next.shown && was.height === height ? was : next);
  };
  useLayoutEffect(look, [count]);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      watcher.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [count === 0]);
  const first = Math.max(0, Math.min(sight.top, count - sight.shown) - MARGIN);
  return { first, last: Math.min(count, sight.top + sight.shown + MARGIN), height: sight.height };
}

/** Whether a click was meant for a control of the row. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input, [popover]") !== null;
}
