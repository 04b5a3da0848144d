import threading
import time

from deskhand.agent.limits import Stop


def test_the_person_stops_it_and_their_event_is_left_alone():
    person = threading.Event()
    stop = Stop(person, 100)
    assert not stop.is_set()
    assert not stop.wait(0.01)
    threading.Timer(0.1, person.set).start()
    assert stop.wait(20)
    assert stop.cancelled
    assert not stop.timed_out


def test_the_time_is_up_unless_it_is_given_back():
    person = threading.Event()
    stop = Stop(person, 0.1)
    time.sleep(0.15)
    assert stop.is_set()
    assert stop.timed_out
    stop.extend(100)
    assert not stop.is_set()
    assert not person.is_set()


def test_it_can_be_set_itself():
    stop = Stop(threading.Event(), 100)
    stop.set()
    assert stop.is_set()
    assert stop.wait()
    assert not stop.cancelled
