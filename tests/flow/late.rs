//! Servers that learn of a payment late, or never. The token is still tried, and is not bought again.

use crate::host::{
    begin, client, fetch, get, listed, not_honored, open, soon, spent, End, Response, Sent, Store, World, PAID, REUSED,
    URL,
};
use crate::mint::Terms;
use crate::parallel::{start, until_done};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::failure::Why;
use l402_fetch::flow::host::Request;
use l402_fetch::ledger::payment::State;
use l402_fetch::Code;
use std::rc::Rc;

fn challenge(world: &World, sent: &Sent) -> Response {
    Response::challenge(&world.mint.offer(&Terms::default(), world.now()).header(), sent)
}

/// The server accepts tokens only after this time since it first saw one.
fn learns_after(world: &Rc<World>, milliseconds: u64, refusal: u16) {
    let (inner, first) = (Rc::downgrade(world), std::cell::Cell::new(None));
    world.answers(move |sent| {
        let world = inner.upgrade().unwrap();
        if sent.authorization.is_none() {
            return Ok(challenge(&world, sent));
        }
        let since = first.get().unwrap_or(world.now());
        first.set(Some(since));
        Ok(match world.now() - since >= milliseconds {
            true => Response::status(200, sent),
            false if refusal == 402 => challenge(&world, sent),
            false => Response::status(refusal, sent),
        })
    });
}

#[test]
fn a_server_that_learns_of_the_payment_late_is_asked_again_in_the_paying_call() {
    for refusal in [401, 402] {
        for method in ["GET", "POST"] {
            let (world, client, host) = begin();
            learns_after(&world, 2_500, refusal);
            let before = world.now();
            assert_eq!(fetch(&client, &host, Request { method: method.into(), ..get(URL) }), PAID);
            assert_eq!((world.paid(), world.sends(), world.now() - before), (1, 1 + 4, 3_500));
            assert_eq!(spent(&world, &client), 10);
        }
    }
}

#[test]
fn calls_that_wait_for_a_late_server_send_nothing_meanwhile() {
    let (world, client, host) = begin();
    learns_after(&world, 2_500, 402);
    let mut running = Vec::new();
    for _ in 0..3 {
        running.push(start(&client, &host, get(URL)).1);
        world.executor.run(200);
    }
    let ends = until_done(&host, &running);
    assert_eq!(ends, [PAID, REUSED, REUSED]);
    assert_eq!(
        (world.paid(), world.sends()),
        (1, 3 + 4 + 2),
        "each asks, the payer goes on trying, the others try once"
    );
}

#[test]
fn three_calls_in_half_a_second_at_a_server_that_is_slower_still_end_well_later() {
    let (world, client, host) = begin();
    learns_after(&world, 60_000, 402);
    let mut running = Vec::new();
    for _ in 0..3 {
        running.push(start(&client, &host, get(URL)).1);
        world.executor.run(200);
    }
    assert_eq!(until_done(&host, &running), [End::Answer(402, Some(true)), not_honored(), not_honored()]);
    assert_eq!((world.paid(), world.sends()), (1, 3 + 4 + 1), "one of those who waited tries for all");
    // `not_honored` forbids buying, not trying.
    assert_eq!((fetch(&client, &host, get(URL)), world.sends()), (not_honored(), 9));
    world.executor.pass(60_000);
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(URL))], [REUSED, REUSED]);
    assert_eq!((world.paid(), world.sends(), spent(&world, &client)), (1, 11, 10));
}

#[test]
fn retry_after_is_waited_for_up_to_ten_seconds_in_all() {
    // Answers to the token, in turn: status and the wait it asks for; the requests and the time until the last.
    type Answers = &'static [(u16, Option<u64>)];
    let table: [(Answers, u16, usize, u64); 7] = [
        (&[(402, Some(3_000)), (200, None)], 200, 3, 3_000),
        (&[(503, Some(1_000)), (401, None), (200, None)], 200, 4, 2_000),
        (&[(429, Some(0)), (200, None)], 200, 3, 0),
        (&[(402, Some(6_000)), (402, Some(6_000))], 402, 3, 6_000),
        (&[(503, Some(11_000))], 503, 2, 0),
        (&[(503, None)], 503, 2, 0),
        (&[(400, Some(1_000))], 400, 2, 0),
    ];
    for (number, (answers, status, sends, milliseconds)) in table.into_iter().enumerate() {
        let (world, client, host) = begin();
        let (inner, turn) = (Rc::downgrade(&world), std::cell::Cell::new(0));
        world.answers(move |sent| {
            if sent.authorization.is_none() {
                return Ok(challenge(&inner.upgrade().unwrap(), sent));
            }
            let (status, retry_after_ms) = answers[turn.replace(turn.get() + 1)];
            let mut response = Response::status(status, sent);
            response.head.retry_after_ms = retry_after_ms;
            Ok(response)
        });
        let before = world.now();
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)), "{number}");
        assert_eq!((world.paid(), world.sends(), world.now() - before), (1, sends, milliseconds), "{number}");
    }
}

#[test]
fn a_busy_server_is_not_sent_a_second_post() {
    let (world, client, host) = begin();
    world.on_send.replace(Some(Box::new(move |sent| {
        sent.authorization.as_ref()?;
        let mut response = Response::status(503, sent);
        response.head.retry_after_ms = Some(1_000);
        Some(soon(Ok(response)))
    })));
    let post = Request { method: "POST".into(), ..get(URL) };
    assert_eq!(fetch(&client, &host, post), End::Answer(503, Some(true)));
    assert_eq!((world.paid(), world.sends()), (1, 2));
}

#[test]
fn an_abort_ends_the_pauses_and_frees_the_waiting_calls() {
    let (world, client, host) = begin();
    learns_after(&world, 5_000, 402);
    let (aborted, first) = start(&client, &host, get(URL));
    let (_, second) = start(&client, &host, get(URL));
    world.executor.run(1_600);
    let before = world.sends();
    aborted.aborted.set(true);
    world.executor.run(1_000);
    assert_eq!(first.take(), End::Foreign("aborted"));
    assert_eq!(until_done(&host, &[second]), [not_honored()]);
    assert_eq!((world.sends() - before, world.paid()), (3, 1), "tried, asked without it, tried again");
    world.executor.pass(10_000);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1));
}

#[test]
fn a_repeat_that_breaks_is_a_paid_request_that_failed() {
    let (world, client, host) = begin();
    let inner = Rc::downgrade(&world);
    world.answers(move |sent| {
        let world = inner.upgrade().unwrap();
        match world.credentials().len() {
            0 | 1 => Ok(challenge(&world, sent)),
            _ => Err("reset"),
        }
    });
    let expected =
        End::Raised { code: Code::RequestFailed, cause: Some("reset"), state: Some(State::Paid), has_response: false };
    assert_eq!(fetch(&client, &host, get(URL)), expected);
    assert_eq!((world.paid(), world.sends()), (1, 3));
}

#[test]
fn two_purchases_in_a_row_that_opened_nothing_stop_buying_whatever_the_statuses() {
    for status in [500, 503, 429, 404] {
        let (world, store) = (World::new(), Store::new());
        let (mut client, mut host) = client(&world, Some(&store), Config::new(100));
        let inner = Rc::downgrade(&world);
        world.answers(move |sent| {
            let world = inner.upgrade().unwrap();
            let until = format!("shop_valid_until={}", world.now() / 1000 + 60);
            let terms = Terms { caveats: vec![until], ..Terms::default() };
            Ok(match &sent.authorization {
                Some(_) => Response::status(status, sent),
                None => Response::challenge(&world.mint.offer(&terms, world.now()).header(), sent),
            })
        });
        for _ in 0..2 {
            assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)));
            assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(false)), "it may be for a moment");
            world.executor.pass(61_000);
            // The next instance knows it too.
            (client, host) = crate::host::client(&world, Some(&store), Config::new(100));
        }
        if status == 404 {
            // An answer that is no failure of the server's.
            assert_eq!(fetch(&client, &host, get(URL)), End::Answer(404, Some(true)));
            continue;
        }
        for _ in 0..2 {
            assert_eq!(fetch(&client, &host, get(URL)), not_honored());
        }
        assert_eq!((world.paid(), spent(&world, &client)), (2, 20), "{status}");
        let forgetting = client.clone();
        world.run(async move { forgetting.forget(Some(URL)).await.ok().unwrap() });
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (End::Answer(status, Some(true)), 3));
    }
}

#[test]
fn a_purchase_that_opened_its_resource_ends_the_row() {
    let (world, client, host) = begin();
    let (inner, status) = (Rc::downgrade(&world), Rc::new(std::cell::Cell::new(500)));
    let answered = status.clone();
    world.answers(move |sent| {
        let world = inner.upgrade().unwrap();
        let until = format!("shop_valid_until={}", world.now() / 1000 + 60);
        let terms = Terms { caveats: vec![until], ..Terms::default() };
        Ok(match &sent.authorization {
            Some(_) => Response::status(answered.get(), sent),
            None => Response::challenge(&world.mint.offer(&terms, world.now()).header(), sent),
        })
    });
    for now in [500, 200, 500, 200, 500] {
        status.set(now);
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(now, Some(true)));
        world.executor.pass(61_000);
    }
    assert_eq!((world.paid(), spent(&world, &client)), (5, 50));
}

#[test]
fn a_refusal_that_repeats_is_the_answer_and_its_payment_is_in_the_error() {
    for refusal in [400, 401, 402, 403] {
        let (world, client, host) = begin();
        learns_after(&world, u64::MAX, refusal);
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(refusal, Some(true)));
        for _ in 0..2 {
            assert_eq!(fetch(&client, &host, get(URL)), open(Code::NotHonored, State::Paid), "{refusal}");
            assert!(world.credentials().len() > 1, "tried first");
        }
        let asking = client.clone();
        let raised = world.run(async move {
            let Err(failure) = asking.fetch(crate::host::call(get(URL)), get(URL)).await else { panic!("an answer") };
            match *failure.0 {
                Why::Raised(raised) => raised.payment.unwrap(),
                _ => panic!("the error is none of the client's"),
            }
        });
        let reading = client.clone();
        assert_eq!(world.run(async move { listed(&reading).await }), [raised]);
        assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
    }
}

#[test]
fn a_store_that_hangs_holds_up_no_answer_that_is_there() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (inner, silent) = (store.clone(), crate::executor::Later::new());
    let seller = Rc::downgrade(&world);
    world.answers(move |sent| {
        if sent.authorization.is_some() {
            inner.arrival.replace(Some(silent.clone()));
            return Ok(Response::status(403, sent));
        }
        Ok(challenge(&seller.upgrade().unwrap(), sent))
    });
    let before = world.now();
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(403, Some(true)));
    assert_eq!((world.now() - before, world.paid()), (0, 1));
    store.works();
    world.executor.run(100_000);
    assert!(store.text("token/").contains(r#""ownRefusals":"#));
}

#[test]
fn an_answer_that_asks_for_no_money_is_handed_back_after_a_dishonored_payment() {
    let (world, client, host) = begin();
    let header = world.mint.offer(&Terms::default(), world.now()).header();
    world.answers(move |sent| Ok(Response::challenge(&header, sent)));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    assert_eq!(fetch(&client, &host, get(URL)), not_honored());
    // A 402 of another scheme, a 402 without a challenge, and a resource that is free if no token is sent.
    for (challenge, without, expected) in [(Some(r#"Other realm="x""#), 402, 402), (None, 402, 402), (None, 200, 200)] {
        let before = world.sends();
        world.answers(move |sent| {
            let mut response = Response::status(if sent.authorization.is_some() { 402 } else { without }, sent);
            response.head.challenge = challenge.map(str::to_owned);
            Ok(response)
        });
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(expected, None), "{challenge:?} {without}");
        assert_eq!((world.sends() - before, world.paid(), spent(&world, &client)), (2, 1, 10));
    }
}
