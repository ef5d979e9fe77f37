"""An emulator of AWS Lambda on this machine, for a real function: its invoke API, and the runtime API for its environments.

After the developer guide of AWS Lambda: "Using the Lambda runtime API", and the API reference of `Invoke`. What it does as AWS
does: environments are started when they are needed and kept warm; more invocations than environments get 429; an error of the
function is status 200 with `X-Amz-Function-Error`; an invocation that takes too long is killed with its environment; events
that nobody waits for get 202; the end of the log goes along when it is asked for.
"""

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        # Who hangs up, or is killed, is no fault of the server.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(handler):
    """A server on a free port of loopback, and that port."""
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_address[1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body=b"", headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Environment:
    """One process of the function with the runtime API that it asks."""

    def __init__(self, function):
        self.function, self.waiting, self.answers = function, queue.Queue(), queue.Queue()
        self.asked = threading.Event()
        self.log, self.log_start = [], 0
        environment = self

        class Runtime(Handler):
            def do_GET(self):
                environment.asked.set()
                request_id, event, deadline = environment.waiting.get()
                self.answer(
                    200,
                    event,
                    [
                        ("Lambda-Runtime-Aws-Request-Id", request_id),
                        ("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000))),
                        ("Lambda-Runtime-Invoked-Function-Arn", function.arn()),
                        ("Lambda-Runtime-Trace-Id", "Root=1-0-0"),
                    ],
                )

            def do_POST(self):
                body = self.body()
                self.answer(202, {"status": "OK"})
                environment.answers.put(("error" if self.path.endswith("/error") else "response", body))

        self.server, port = serve(Runtime)
        variables = {
            **function.variables,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "LAMBDA_TASK_ROOT": os.path.dirname(function.program),
        }
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [function.program], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            self.log.append(line.decode(errors="replace"))
        self.answers.put(("exit", b""))

    def invoke(self, event, timeout):
        """Kind of the answer and its body, with the time that it took."""
        request_id = str(uuid.uuid4())
        self.log_start = len(self.log)
        start = time.monotonic()
        self.waiting.put((request_id, event, time.time() + timeout))
        try:
            kind, body = self.answers.get(timeout=timeout)
        except queue.Empty:
            kind, body = "timeout", b""
        seconds = time.monotonic() - start
        if kind in ("timeout", "exit"):
            self.stop()
        return request_id, kind, body, seconds

    def resident(self):
        """Bytes that the process holds now."""
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()


class Function:
    """A function, and the address of its invoke API."""

    def __init__(
        self, program, name="process-shard", variables=(), memory=2048, timeout=900, concurrency=4, event_retries=0
    ):
        keep = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "TMPDIR")}
        self.program, self.name, self.memory = str(program), name, memory
        self.variables = {**keep, **dict(variables)}
        self.timeout, self.concurrency = timeout, concurrency
        # None: nobody has set how often AWS repeats queued events that failed. It does so twice then.
        self.event_retries = event_retries
        self.lock, self.idle, self.all, self.events = threading.Lock(), [], [], []
        self.reports = []
        # Events that nobody waits for.
        self.queued_events = 0
        function = self

        class Api(Handler):
            def do_GET(self):
                function.describe(self)

            def do_POST(self):
                body = self.body()
                parts = self.path.split("?")[0].strip("/").split("/")
                if len(parts) == 4 and parts[1] == "functions" and parts[3] == "invocations":
                    function.invoked(self, parts[2], body)
                else:
                    self.answer(404, {"message": "no such operation"})

        self.server, port = serve(Api)
        self.url = f"http://127.0.0.1:{port}"

    def arn(self):
        return f"arn:aws:lambda:eu-north-1:123456789012:function:{self.name}"

    def describe(self, request):
        path = request.path.split("?")[0].strip("/")
        configuration = {
            "FunctionName": self.name,
            "FunctionArn": self.arn(),
            "Runtime": "provided.al2023",
            "MemorySize": self.memory,
            "Timeout": self.timeout,
            "Architectures": ["x86_64"],
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "Version": "$LATEST",
        }
        if path.endswith("account-settings"):
            limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
            return request.answer(200, {"AccountLimit": limits, "AccountUsage": {"FunctionCount": 1}})
        parts = path.split("/")
        if len(parts) < 3 or parts[2] not in (self.name, self.arn()):
            missing = {"Type": "User", "Message": f"Function not found: {path}"}
            return request.answer(404, missing, [("X-Amzn-ErrorType", "ResourceNotFoundException")])
        if path.endswith("/configuration"):
            return request.answer(200, configuration)
        if path.endswith("/concurrency"):
            return request.answer(200, {"ReservedConcurrentExecutions": self.concurrency})
        if path.endswith("/event-invoke-config"):
            if self.event_retries is None:
                missing = {"Type": "User", "Message": f"The function {self.arn()}:$LATEST doesn't have an EventInvokeConfig"}
                return request.answer(404, missing, [("X-Amzn-ErrorType", "ResourceNotFoundException")])
            retries = {"MaximumRetryAttempts": self.event_retries, "MaximumEventAgeInSeconds": 3000}
            return request.answer(200, retries)
        return request.answer(200, {"Configuration": configuration})

    def invoked(self, request, name, event):
        if name not in (self.name, self.arn()):
            missing = {"Type": "User", "Message": f"Function not found: {name}"}
            return request.answer(404, missing, [("X-Amzn-ErrorType", "ResourceNotFoundException")])
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        with self.lock:
            self.events.append(event)
            self.queued_events += kind == "Event"
        if kind == "DryRun":
            return request.answer(204)
        if kind == "Event":
            threading.Thread(target=self.queued, args=(event,), daemon=True).start()
            return request.answer(202)
        environment = self.take()
        if environment is None:
            busy = {"Type": "User", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}
            return request.answer(429, busy, [("X-Amzn-ErrorType", "TooManyRequestsException")])
        request_id, error, body, log = self.run(environment, event)
        headers = [("X-Amz-Executed-Version", "$LATEST"), ("X-Amzn-RequestId", request_id)]
        if error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if request.headers.get("X-Amz-Log-Type") == "Tail":
            headers.append(("X-Amz-Log-Result", base64.b64encode(log.encode()[-4096:]).decode()))
        return request.answer(200, body, headers)

    def queued(self, event):
        while (environment := self.take()) is None:
            time.sleep(0.05)
        self.run(environment, event)

    def take(self):
        """An idle environment, a new one, or none when there are as many as there may be."""
        with self.lock:
            while self.idle:
                environment = self.idle.pop()
                if environment.process.poll() is None:
                    return environment
                self.all.remove(environment)
            if len(self.all) >= self.concurrency:
                return None
            environment = Environment(self)
            self.all.append(environment)
            return environment

    def run(self, environment, event):
        """Id, whether it failed, the answer, and the end of the log."""
        request_id, kind, body, seconds = environment.invoke(event, self.timeout)
        if kind == "timeout":
            body = {"errorMessage": f"{request_id} Task timed out after {self.timeout:.2f} seconds"}
        elif kind == "exit":
            body = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: Runtime exited"}
        milliseconds = seconds * 1000
        metrics = {
            "durationMs": round(milliseconds, 3),
            "billedDurationMs": int(milliseconds) + 1,
            "memorySizeMB": self.memory,
            "maxMemoryUsedMB": 100,
        }
        record = {"requestId": request_id, "metrics": metrics, "status": "success"}
        report = json.dumps({"time": "2026-01-01T00:00:00.000Z", "type": "platform.report", "record": record}) + "\n"
        log = "".join(environment.log[environment.log_start :]) + report
        with self.lock:
            self.reports.append(seconds)
            if environment.process.poll() is None:
                self.idle.append(environment)
            elif environment in self.all:
                self.all.remove(environment)
        return request_id, kind != "response", body if isinstance(body, bytes) else json.dumps(body).encode(), log

    def call(self, event):
        """Invokes it from here: whether it failed, and the answer."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        while (environment := self.take()) is None:
            time.sleep(0.01)
        _, failed, answer, _ = self.run(environment, body)
        return failed, json.loads(answer)

    def logs(self):
        return [line for environment in self.all for line in environment.log]

    def stop(self):
        for environment in self.all:
            environment.stop()
        self.server.shutdown()
        self.server.server_close()
