//! The store: rows by compare-and-swap, as all real ones have them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Which part of the keys is read.
#[derive(Clone, Hash, Debug)]
pub struct Part {
    pub prefix: String,
    pub after: Option<String>,
    pub limit: usize,
    pub reverse: bool,
}

/// Keys with their values; none where there is no row.
pub type Rows = Vec<(String, Option<Rc<str>>)>;

#[derive(Default)]
pub struct Store(pub RefCell<BTreeMap<String, Rc<str>>>);

impl Store {
    pub fn value(&self, key: &str) -> Option<Rc<str>> {
        self.0.borrow().get(key).cloned()
    }

    pub fn read(&self, keys: &[String]) -> Vec<Option<String>> {
        keys.iter().map(|key| self.value(key).as_deref().map(str::to_owned)).collect()
    }

    /// All changes, if everything that was seen is still the same.
    pub fn write(&self, changes: &Rows, seen: &Rows) -> bool {
        if seen.iter().any(|(key, value)| self.value(key) != *value) {
            return false;
        }
        let mut rows = self.0.borrow_mut();
        for (key, value) in changes {
            match value {
                Some(value) => drop(rows.insert(key.clone(), Rc::clone(value))),
                None => drop(rows.remove(key)),
            }
        }
        true
    }

    pub fn list(&self, part: &Part) -> Vec<(String, String)> {
        let rows = self.0.borrow();
        let is_after = |key: &String| match &part.after {
            Some(after) if part.reverse => key < after,
            Some(after) => key > after,
            None => true,
        };
        let found = rows.iter().filter(|(key, _)| key.starts_with(&part.prefix) && is_after(key));
        let found = found.map(|(key, value)| (key.clone(), value.to_string()));
        if part.reverse {
            found.rev().take(part.limit).collect()
        } else {
            found.take(part.limit).collect()
        }
    }
}
