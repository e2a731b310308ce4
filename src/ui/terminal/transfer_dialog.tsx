/**
 * The dialog for files: sends those that were picked or dropped, fetches one by its path.
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { downloadLink, filePath } from "../api.ts";
import { Dialog } from "../components/dialog.tsx";
import { Icon } from "../components/icon.tsx";
import { Notice } from "../components/page.tsx";
import { complain } from "../components/toasts.tsx";
import { sentence } from "../failure.ts";
import { saveLink } from "../save_link.ts";
import { size } from "../time_text.ts";
import type { Target } from "./connection.ts";
import { destination, type Progress, upload } from "./transfer.ts";

export interface TransferDialogProps {
  target: Target;
  /** To be sent; else the user picks. */
  dropped: readonly File[];
  onClose: () => void;
}

export function TransferDialog({ target, dropped, onClose }: TransferDialogProps) {
  const [way, setWay] = useState<"upload" | "download">("upload");
  return (
    <Dialog title={`Files on ${target.hostname}`} onClose={onClose} bare>
      <div class="segments" role="toolbar" aria-label="Direction">
        <button type="button" aria-pressed={way === "upload"} onClick={() => setWay("upload")}>Upload</button>
        <button type="button" aria-pressed={way === "download"} onClick={() => setWay("download")}>
          Download
        </button>
      </div>
      <hr />
      {way === "upload"
        ? <Upload target={target} dropped={dropped} onClose={onClose} />
        : <Download target={target} onClose={onClose} />}
    </Dialog>
  );
}

/** A file on its way. */
interface Transfer {
  name: string;
  progress: Progress;
  state: "waiting" | "moving" | "done" | "failed";
  failure?: unknown;
}

function Upload({ target, dropped, onClose }: TransferDialogProps) {
  const [path, setPath] = useState("");
  const [chosen, setChosen] = useState(dropped);
  const [transfers, setTransfers] = useState<readonly Transfer[]>([]);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);

  const send = async () => {
    if (chosen.length > 1 && path !== "" && !path.endsWith("/")) {
      complain(new Error("several files need a folder: let the path end with a slash"));
      return;
    }
    setBusy(true);
    stop.current = new AbortController();
    const list: Transfer[] = chosen.map((file) => ({
      name: file.name,
      progress: { sent: 0, total: file.size },
      state: "waiting",
    }));
    const change = (index: number, update: Partial<Transfer>) => {
      const transfer = list[index];
      if (transfer) list[index] = { ...transfer, ...update };
      setTransfers([...list]);
    };
    for (const [index, file] of chosen.entries()) {
      change(index, { state: "moving" });
      try {
        const to = destination(path, file.name);
        await upload(target, to, file, (progress) => change(index, { progress }), stop.current.signal);
        change(index, { state: "done", progress: { sent: file.size, total: file.size } });
      } catch (failure) {
        change(index, { state: "failed", failure });
        if (stop.current.signal.aborted) break;
      }
    }
    setBusy(false);
    setChosen([]);
  };

  return (
    <>
      <div class="field">
        <label for="upload-path">Folder or path on the server</label>
        <input
          id="upload-path"
          type="text"
          value={path}
          placeholder="the home directory"
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => setPath(event.currentTarget.value)}
        />
        <p class="hint">Relative paths begin at the home of {target.login}. A folder ends with a slash.</p>
      </div>
      <div
        class={over ? "dropzone over" : "dropzone"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          setChosen([...event.dataTransfer?.files ?? []]);
        }}
      >
        <Icon name="upload" size={26} />
        <span>
          {chosen.length === 0
            ? "Drop files here, or"
            : `${chosen.map(({ name }) => name).join(", ")} (${size(sum(chosen))})`}
        </span>
        <button type="button" class="plain small" onClick={() => picker.current?.click()}>
          {chosen.length === 0 ? "Choose files" : "Choose others"}
        </button>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(event) => setChosen([...event.currentTarget.files ?? []])}
        />
      </div>
      {transfers.map((transfer) => <TransferLine key={transfer.name} transfer={transfer} />)}
      <div class="foot">
        <button type="button" class="plain" onClick={onClose}>Close</button>
        {busy
          ? <button type="button" class="plain" onClick={() => stop.current.abort()}>Stop</button>
          : <button type="button" disabled={chosen.length === 0} onClick={() => void send()}>Upload</button>}
      </div>
    </>
  );
}

function TransferLine({ transfer: { name, progress, state, failure } }: { transfer: Transfer }) {
  if (state === "failed") return <Notice tone="bad">{name}: {sentence(failure)}</Notice>;
  const { sent, total } = progress;
  const percent = total === 0 ? 100 : Math.floor((sent / total) * 100);
  return (
    <div class="progress">
      <div class="line small">
        <span class="cut grow">{name}</span>
        <span class="soft number">
          {state === "done" ? `${size(total)}, done` : `${size(sent)} of ${size(total)}, ${percent} %`}
        </span>
      </div>
      <progress value={percent} max={100} aria-label={name} />
    </div>
  );
}

function Download({ target, onClose }: { target: Target; onClose: () => void }) {
  const [path, setPath] = useState("");
  const [failure, setFailure] = useState<unknown>();
  const fetchFile = async () => {
    setFailure(undefined);
    try {
      saveLink(await downloadLink(filePath(target, path)));
      onClose();
    } catch (error) {
      setFailure(error);
    }
  };
  return (
    <>
      <div class="field">
        <label for="download-path">Path of the file on the server</label>
        <input
          id="download-path"
          type="text"
          value={path}
          placeholder="/var/log/syslog"
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => setPath(event.currentTarget.value)}
        />
        <p class="hint">Your browser shows how far the download is.</p>
      </div>
      {failure === undefined ? null : <Notice tone="bad">{sentence(failure)}</Notice>}
      <div class="foot">
        <button type="button" class="plain" onClick={onClose}>Close</button>
        <button type="button" disabled={path.trim() === ""} onClick={() => void fetchFile()}>Download</button>
      </div>
    </>
  );
}

function sum(files: readonly File[]): number {
  return files.reduce((total, file) => total + file.size, 0);
}
