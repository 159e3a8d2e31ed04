"""Asks the bot in this container whether it is well: ends with 0 where it is, else says why not and ends with 1.

The port is APPLECORE_METRICS_PORT of the environment. Where that is empty the bot serves no health, and only its
process counts.
"""

import http.client
import os
import sys

TIMEOUT = 8.0
"""Seconds: more than the five that the bot gives itself, less than the ten after which Docker gives up."""


def main() -> int:
    port = os.environ.get("APPLECORE_METRICS_PORT", "").strip()
    if not port:
        return 0
    # Not urllib.request: that would ask a proxy of the environment for this machine's own address.
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        told = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        told, well = f"nobody answers on port {port}: {error}", False
    else:
        well = answer.status == http.client.OK
    finally:
        connection.close()
    sys.stdout.write(told + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
