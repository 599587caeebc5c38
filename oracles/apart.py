"""Runs each task in a process of its own, a few at once."""

import multiprocessing
from collections import deque
from multiprocessing.connection import wait


def run_apart(tasks, run, at_once):
    """Yields (task, what `run(task)` returned) as they end; None for a process that ended without an answer.

    Processes are forked: what is imported and built is there at once, and what a task leaves behind goes with it.
    """
    context = multiprocessing.get_context("fork")
    waiting, running = deque(tasks), {}
    while waiting or running:
        while waiting and len(running) < at_once:
            task = waiting.popleft()
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=answer, args=(sender, run, task))
            process.start()
            sender.close()
            running[receiver] = task, process
        for receiver in wait(list(running)):
            task, process = running.pop(receiver)
            try:
                result = receiver.recv()
            except EOFError:
                result = None
            receiver.close()
            process.join()
            yield task, result


def answer(sender, run, task):
    sender.send(run(task))
    sender.close()
