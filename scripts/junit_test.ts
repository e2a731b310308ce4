import { assertEquals, assertMatch } from "@std/assert";
import { testCases } from "./junit.ts";

const TESTS = `
Deno.test("good", () => {});
Deno.test.ignore("off", () => {});
Deno.test("a & <b>", async (t) => {
  await t.step("inner", () => {
    throw new Error('it is "so"\\nand so');
  });
});
`;

Deno.test("what a report says of each test and step is what has happened", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/a_test.ts`, TESTS);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-config", "--no-check", "--junit-path=report.xml", "a_test.ts"],
      cwd: directory,
      stdout: "null",
      stderr: "null",
    });
    assertEquals((await command.output()).code, 1);
    const cases = testCases(await Deno.readTextFile(`${directory}/report.xml`));
    const told = cases.map(({ path, name, line, skipped, failure }) =>
      [path, line, name, skipped, failure !== undefined] as const
    );
    assertEquals(told.sort(([, , one], [, , other]) => one < other ? -1 : 1), [
      ["a_test.ts", 4, "a & <b>", false, true],
      ["a_test.ts", 5, "a & <b> > inner", false, true],
      ["a_test.ts", 2, "good", false, false],
      ["a_test.ts", 3, "off", true, false],
    ]);
    const inner = cases.find(({ name }) => name.endsWith("inner"));
    assertMatch(inner?.failure ?? "", /^Error: it is "so"\nand so\n[^]*a_test\.ts:6/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a report without tests has none", () => {
  assertEquals(testCases(""), []);
  assertEquals(testCases("<testsuites></testsuites>"), []);
});
