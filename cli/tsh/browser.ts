/**
 * Opens an address in the user's browser.
 * @module
 */

/** @returns false when there is no screen, or no program that opens browsers */
export function openBrowser(url: string, wanted = Deno.env.get("BROWSER")): boolean {
  const [named = ""] = (wanted ?? "").split(":");
  const program = named !== "" ? named : desktopProgram();
  if (program === undefined) return false;
  try {
    // The address is one argument of a program, and no shell's.
    new Deno.Command(program, { args: [url], stdin: "null", stdout: "null", stderr: "null" }).spawn().unref();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

function desktopProgram(): string | undefined {
  if (Deno.build.os === "darwin") return "open";
  const hasScreen = ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => (Deno.env.get(name) ?? "") !== "");
  return hasScreen ? "xdg-open" : undefined;
}
