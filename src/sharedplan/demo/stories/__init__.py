"""Five stories, one for each service model: a client comes, is listened to, helped by several, and goes on.

A story is a generator of steps, each of them a request over HTTP by somebody, with what is to come of it; it is sent
the answer and goes on from there. `sharedplan demo` plays them against a running service, and the journey tests do.

Each play has clients of its own, with ids that the service gives, and uses of the demo world the directory alone: so a
story can be played again and again on the same service, and the demo's five clients stay as the README shows them.
"""
