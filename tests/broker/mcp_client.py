"""Calls tools of `undersign mcp` with the official client: MODE, the program and its arguments, and on standard input a
line of JSON for each call: [TOOL, ARGUMENTS]. Prints what was negotiated and listed, then each result, as lines of JSON."""

import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters


async def main(mode, program, *arguments):
    server = StdioServerParameters(command=program, args=list(arguments))
    async with Client(server, mode=mode) as client:
        tools = await client.list_tools()
        print(json.dumps({"version": client.protocol_version, "tools": [tool.name for tool in tools.tools]}))
        for line in sys.stdin:
            tool, given = json.loads(line)
            try:
                result = await client.call_tool(tool, given)
            except MCPError as error:
                print(json.dumps({"refused": error.error.code}))
                continue
            text = "".join(block.text for block in result.content)
            print(json.dumps({"error": result.is_error, "text": text, "data": result.structured_content}))


asyncio.run(main(*sys.argv[1:]))
