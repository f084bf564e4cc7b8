// Asks `undersign hook opencode` before each call of a tool. Whatever is not a clean pass stops the call.
import { spawnSync } from "node:child_process"

const PROGRAM = @PROGRAM@

export const Undersign = async () => ({
  "tool.execute.before": async (input, output) => {
    const call = JSON.stringify({ tool: input.tool, args: output.args })
    const asked = spawnSync(PROGRAM, ["hook", "opencode"], { input: call, encoding: "utf8", timeout: 15000 })
    if (asked.error || asked.status !== 0 || asked.stdout !== "") {
      throw new Error(asked.stderr || `undersign did not answer: ${asked.error ?? asked.signal ?? asked.status}`)
    }
  },
})
