//! Every possible run. The search is depth first, repeats each run from the start, and stops at known states.

use crate::setup::Setup;
use crate::world::{Act, World};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A number of steps that no run reaches.
const MOST_STEPS: usize = 1_000;

/// The acts that could happen at a step, and the one that was taken.
struct Choice {
    acts: Vec<Act>,
    taken: usize,
}

#[derive(Default, Debug)]
pub struct Figures {
    /// The number of runs from the start to the end or to a known state.
    pub runs: usize,
    pub ends: usize,
    pub states: usize,
    pub steps: usize,
    pub deepest: usize,
}

fn all_acts(world: &World) -> Vec<Act> {
    let (mut acts, faults) = world.acts();
    acts.extend(faults);
    acts
}

/// A stop sign for all tests. If `SIM_FIRST` is set, the first failing test sets it and the others end.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// Explores all runs. Stops at the first broken promise and returns the run that led to it.
pub fn explore(setup: &Setup) -> Result<Figures, String> {
    let mut seen = HashSet::new();
    let mut path: Vec<Choice> = Vec::new();
    let mut figures = Figures::default();
    loop {
        figures.runs += 1;
        if STOP.load(Ordering::Relaxed) {
            return Ok(figures);
        }
        let world = World::new(setup, false);
        let broken = run(&world, &mut path, &mut seen, &mut figures);
        world.end();
        if let Some(broken) = broken {
            let taken: Vec<usize> = path.iter().map(|choice| choice.taken).collect();
            return Err(format!("{broken} (after {} runs)\n{}", figures.runs, tell(setup, &taken)));
        }
        while path.last().is_some_and(|choice| choice.taken + 1 == choice.acts.len()) {
            path.pop();
        }
        match path.last_mut() {
            Some(choice) => choice.taken += 1,
            None => break,
        }
    }
    figures.states = seen.len();
    Ok(figures)
}

fn run(world: &Rc<World>, path: &mut Vec<Choice>, seen: &mut HashSet<u128>, figures: &mut Figures) -> Option<String> {
    let mut depth = 0;
    world.is_replayed.set(true);
    loop {
        if depth >= path.len() {
            if world.broken.borrow().is_some() {
                break;
            }
            if !seen.insert(world.key()) {
                return None;
            }
            if depth >= MOST_STEPS {
                world.breaks("every call ends", "endless");
                break;
            }
            let acts = all_acts(world);
            if acts.is_empty() {
                figures.ends += 1;
                // Without a fault, the living differ only in the order of what they have heard.
                if world.setup.faults > 0 || seen.insert(world.shared_key()) {
                    world.check_rest();
                } else {
                    world.check_end();
                }
                break;
            }
            path.push(Choice { acts, taken: 0 });
        }
        let act = path[depth].acts[path[depth].taken];
        depth += 1;
        world.is_replayed.set(depth < path.len());
        figures.steps += 1;
        figures.deepest = figures.deepest.max(depth);
        world.apply(act);
    }
    world.broken.take()
}

/// Repeats a run and returns the account of its steps.
pub fn tell(setup: &Setup, taken: &[usize]) -> String {
    let world = World::new(setup, true);
    for &choice in taken {
        let acts = all_acts(&world);
        if let Some(act) = acts.get(choice) {
            world.apply(*act);
        }
    }
    if all_acts(&world).is_empty() {
        world.check_rest();
    }
    let log = world.log.as_ref().map(|log| log.borrow().join("\n")).unwrap_or_default();
    world.end();
    format!("{}: {taken:?}\n{log}", setup.name)
}
