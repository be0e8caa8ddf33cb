"""Five stories, one for each service model: a client comes, is listened to, helped by several, and goes on.

A story is told in chapters: a new client begins, with ids that the service gives, and the model's demo client goes on
from where the demo world has him. A chapter is a generator of steps, each of them a request over HTTP by somebody, with
what is to come of it; it is sent the answer and goes on from there. After each change the record systems of a social
organisation, a health organisation and an NGO try whether they see it. `sharedplan demo` plays the stories against a
running service, and the journey tests do.

They can be played again and again on the same service: what a demo client lives through has fixed ids, whom he lets in
for the story he lets out again, and what a play that was broken off has left is set right first.
"""
