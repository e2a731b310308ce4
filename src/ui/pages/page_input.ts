/**
 * What each page is given.
 * @module
 */
import type { WebUserContext } from "../../model/web.ts";

export interface PageInput {
  context: WebUserContext;
  /** The words of the path that the pattern names. */
  parameters: Record<string, string>;
}
