//! A run from a seed: three nodes, their clients, a network, Redis and faults.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::policy::Limits;
use fastrand::Rng;

use crate::checker::Checker;
use crate::message::{Desk, Effect, Reply};
use crate::names;
use crate::node::Node;
use crate::queue::{Entry, Event, Line};
use crate::redis::{Begun, Partition, Place, Stored};
use crate::rules::{Circumstances, Setup};
use crate::server::{Role, Server};

pub(crate) const NODES: usize = 3;
/// Time after which no fault begins, and the end of the run, both in milliseconds.
pub(crate) const FAULTS_END: u64 = 6_000;
const RUN_END: u64 = 11_000;

/// A node's process and its connection to Redis.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) node: Option<Node>,
    pub(crate) life: u64,
    pub(crate) asleep_until: u64,
    pub(crate) generation: u64,
    /// The server that the node is connected to, and the number of the server's process.
    pub(crate) connection: Option<(usize, u64)>,
    /// Arrival time of the latest news. Later news arrive no earlier, because one connection keeps
    /// their order.
    pub(crate) news_at: u64,
}

/// Counts of the cases that a run has reached.
pub(crate) type Reached = BTreeMap<&'static str, u64>;

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) rules: Circumstances,
    pub(crate) rng: Rng,
    limits: Limits,
    queue: BinaryHeap<Reverse<Entry>>,
    fresh: u64,
    pub(crate) hosts: Vec<Host>,
    pub(crate) servers: Vec<Server<(Line, u64, Reply)>>,
    /// The server that clients of Redis find as the primary.
    pub(crate) primary: usize,
    /// True during a fail-over.
    pub(crate) failing_over: bool,
    checker: Checker,
    pub(crate) challenges: Vec<(usize, Arc<Challenge>)>,
    pub(crate) reached: Reached,
}

impl World {
    fn new(seed: u64, rules: Circumstances) -> Self {
        let accounts = (0..names::USERS).map(|user| Rc::new(Stored::new(names::enrolled(user))));
        let place = Place { server: 1, epoch: 1 };
        let history = vec![Begun { epoch: 1, base: 0 }];
        let accounts = accounts.collect();
        let data = Partition { place, sequence: 0, history, lost: false, accounts };
        let servers = [(1, Role::Primary), (2, Role::Replica)]
            .map(|(run, role)| Server::new(run, role, data.clone(), data.clone()));
        let mut world = Self {
            now: 0,
            rules,
            rng: Rng::with_seed(seed),
            limits: names::limits(),
            queue: BinaryHeap::new(),
            fresh: 100,
            hosts: (0..NODES).map(|_| Host::default()).collect(),
            servers: servers.into_iter().collect(),
            primary: 0,
            failing_over: false,
            checker: Checker::quiet_at(FAULTS_END + 2_500),
            challenges: Vec::new(),
            reached: Reached::new(),
        };
        (0..NODES).for_each(|host| world.at(0, Event::Start { host }));
        world.at(50, Event::Client);
        world.at(300, Event::Fault);
        if rules.setup == Setup::Lossy {
            world.at(500, Event::Sync);
        }
        world
    }

    pub(crate) fn fresh(&mut self) -> u64 {
        self.fresh += 1;
        self.fresh
    }

    pub(crate) fn at(&mut self, time: u64, event: Event) {
        let order = self.fresh();
        self.queue.push(Reverse(Entry(time, order, event)));
    }

    /// Schedules an event after a random time between `from` and `to`, in milliseconds.
    pub(crate) fn after(&mut self, from: u64, to: u64, event: Event) {
        let time = self.now + self.rng.u64(from..=to);
        self.at(time, event);
    }

    pub(crate) fn reach(&mut self, what: &'static str) {
        *self.reached.entry(what).or_default() += 1;
    }

    pub(crate) fn line(&self, host: usize) -> Line {
        let Host { life, generation, .. } = self.hosts[host];
        Line { host, life, generation }
    }

    /// Returns an input to a node and carries out the node's effects.
    pub(crate) fn with_node(&mut self, host: usize, run: impl FnOnce(&mut Node, &mut Desk<'_>)) {
        let Some(mut node) = self.hosts[host].node.take() else { return };
        let Self { now, rules, ref limits, ref mut rng, ref mut fresh, .. } = *self;
        let mut desk = Desk { now, rules, limits, rng, fresh, effects: Vec::new() };
        run(&mut node, &mut desk);
        let effects = desk.effects;
        self.hosts[host].node = Some(node);
        effects.into_iter().for_each(|effect| self.carry_out(host, effect));
    }

    fn carry_out(&mut self, host: usize, effect: Effect) {
        let line = self.line(host);
        match effect {
            Effect::Send(number, request) => {
                let Some((server, run)) = self.hosts[host].connection else { return };
                self.after(0, 3, Event::Arrive { line, server, run, number, request });
            }
            Effect::Timer(at, timer) => self.at(at, Event::Timer { line, timer }),
            Effect::Disconnect => {
                self.hosts[host].connection = None;
                self.hosts[host].generation += 1;
                let line = self.line(host);
                self.after(10, 50, Event::Connect { line });
            }
            Effect::Reached(what) => self.reach(what),
            Effect::Tell(call, told) => {
                self.checker.told(&call, &told, self.now);
                self.follow(&call, told);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Reply { line, .. }
            | Event::News { line, .. }
            | Event::Timer { line, .. }
            | Event::Broken { line }
            | Event::Connect { line } => self.at_node(line, event),
            Event::Start { host } => {
                let (now, line) = (self.now, self.line(host));
                self.hosts[host].node = Some(Node::default());
                self.with_node(host, |node, desk| *node = Node::start(desk));
                self.at(now, Event::Connect { line });
            }
            Event::Client => self.client(),
            Event::Call { host, call } => {
                self.with_node(host, |node, desk| node.call(desk, *call));
            }
            Event::Fault => self.fault(),
            Event::Arrive { .. }
            | Event::Restart { .. }
            | Event::Sync
            | Event::Copied { .. }
            | Event::Confirmed { .. }
            | Event::WaitOver { .. }
            | Event::Promote
            | Event::Demote { .. } => self.at_redis(event),
        }
    }

    /// Delivers an event to a node. A sleeping node gets it when it wakes up; a later process of
    /// the node never gets it.
    fn at_node(&mut self, line: Line, event: Event) {
        let Host { life, asleep_until, generation, .. } = self.hosts[line.host];
        if line.life != life {
            return;
        }
        if self.now < asleep_until {
            return self.at(asleep_until, event);
        }
        if let Event::Timer { timer, .. } = event {
            return self.with_node(line.host, |node, desk| node.timer(desk, timer));
        }
        if line.generation != generation {
            return;
        }
        if let Event::Reply { number, reply, .. } = event {
            self.with_node(line.host, |node, desk| node.reply(desk, number, reply));
        } else if let Event::News { news, .. } = event {
            self.with_node(line.host, |node, desk| node.news(desk, news));
        } else if let Event::Broken { .. } = event {
            self.with_node(line.host, |node, _| node.disconnected());
            self.after(0, 30, Event::Connect { line });
        } else {
            self.connect(line.host);
        }
    }

    fn connect(&mut self, host: usize) {
        let is_wrong = self.failing_over && self.rng.u8(0..4) == 0;
        let server = if is_wrong { 1 - self.primary } else { self.primary };
        if self.servers[server].role == Role::Down {
            let line = self.line(host);
            return self.after(20, 60, Event::Connect { line });
        }
        self.hosts[host].generation += 1;
        self.hosts[host].connection = Some((server, self.servers[server].run));
        self.with_node(host, |node, desk| node.connect(desk));
    }

    fn finish(mut self) -> Result<Reached, String> {
        for host in 0..NODES {
            let calls = self.hosts[host].node.iter().flat_map(|node| node.calls.values());
            calls.for_each(|call| self.checker.woken(call, RUN_END));
        }
        let partition = &self.servers[self.primary].data;
        let has_stopped = |host: &Host| host.node.as_ref().is_some_and(|node| node.stopped);
        let is_found_out = partition.lost || self.hosts.iter().any(has_stopped);
        self.checker.finish(partition, self.rules.setup, is_found_out)?;
        Ok(self.reached)
    }
}

/// Simulates the run of a seed. Returns the cases that it reached, or the invariant that it broke.
pub(crate) fn live(seed: u64, rules: Circumstances) -> Result<Reached, String> {
    let mut world = World::new(seed, rules);
    while let Some(Reverse(Entry(time, _, event))) = world.queue.pop() {
        if time > RUN_END {
            break;
        }
        world.now = time;
        world.handle(event);
    }
    world.finish()
}
