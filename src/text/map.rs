//! A map in a sorted list. It is a tenth of the code of the standard library's maps, of which each kind of value has
//! its own, and as fast for the few thousand entries that are kept here.

/// Values by their keys, in the order of the keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map<V> {
    keys: Vec<String>,
    values: Vec<V>,
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }
}

impl<V> Map<V> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        self.values.get(place(&self.keys, key).ok()?)
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        place(&self.keys, key).is_ok()
    }

    /// The value of a key, to be changed. It is made where it is missing.
    pub fn entry(&mut self, key: &str) -> Option<&mut V>
    where
        V: Default,
    {
        let at = place(&self.keys, key).unwrap_or_else(|at| {
            self.keys.insert(at, key.to_owned());
            self.values.insert(at, V::default());
            at
        });
        self.values.get_mut(at)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: &str, value: V)
    where
        V: Default,
    {
        if let Some(known) = self.entry(key) {
            *known = value;
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) {
        if let Ok(at) = place(&self.keys, key) {
            self.keys.remove(at);
            self.values.remove(at);
        }
    }

    /// Keeps the keys that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        let mut at: usize = 0;
        while let Some(key) = self.keys.get(at) {
            if wanted(key) {
                at = at.saturating_add(1);
            } else {
                self.keys.remove(at);
                self.values.remove(at);
            }
        }
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Each entry.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.keys.iter().map(String::as_str).zip(&self.values)
    }

    /// Each key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Each value.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }
}

/// Where a key stands, or belongs.
fn place(keys: &[String], key: &str) -> Result<usize, usize> {
    keys.binary_search_by(|known| known.as_str().cmp(key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_does_what_the_standard_librarys_map_does() {
        let (mut ours, mut theirs) = (Map::default(), std::collections::BTreeMap::new());
        let mut random: u64 = 7;
        for _ in 0..2_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = ((random >> 40) % 97).to_string();
            match (random >> 50) % 4 {
                0 => {
                    ours.remove(&key);
                    theirs.remove(&key);
                }
                1 => {
                    *ours.entry(&key).unwrap() += 1;
                    *theirs.entry(key.clone()).or_default() += 1;
                }
                _ => {
                    ours.insert(&key, random);
                    theirs.insert(key.clone(), random);
                }
            }
            assert_eq!((ours.get(&key), ours.len()), (theirs.get(&key), theirs.len()));
            assert_eq!(ours.contains_key(&key), theirs.contains_key(&key));
        }
        let same = |ours: &Map<u64>, theirs: &std::collections::BTreeMap<String, u64>| {
            ours.iter().eq(theirs.iter().map(|(key, value)| (key.as_str(), value)))
                && ours.keys().eq(theirs.keys())
                && ours.values().eq(theirs.values())
        };
        assert!(same(&ours, &theirs));
        ours.retain(|key| key.ends_with('7'));
        theirs.retain(|key, _| key.ends_with('7'));
        assert!(same(&ours, &theirs) && !ours.is_empty());
        ours.clear();
        assert!(ours.is_empty() && ours.get("7").is_none());
    }
}
