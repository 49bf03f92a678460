//! The part of sodiumoxide's API that the crate `macaroon` calls, over the RustCrypto crates.
//!
//! Only the paywall and the tests mint macaroons, and only they get this crate (through `[patch.crates-io]`). The real
//! sodiumoxide compiles libsodium from C, which takes longer than all the rest of the demo together. The names and
//! types are sodiumoxide's; the algorithms are the same ones: HMAC-SHA-256 and XSalsa20-Poly1305.
#![forbid(unsafe_code)]
#![allow(missing_docs)]
#![allow(clippy::result_unit_err, clippy::missing_errors_doc)]

/// Nothing to set up; always succeeds.
pub fn init() -> Result<(), ()> {
    Ok(())
}

pub mod crypto {
    pub mod auth {
        pub use hmacsha256::KEYBYTES;
        pub mod hmacsha256 {
            use crypto_secretbox::aead::{rand_core::RngCore, OsRng};
            use hmac::{Hmac, KeyInit, Mac};

            pub const KEYBYTES: usize = 32;

            pub struct Key(pub [u8; KEYBYTES]);
            pub struct Tag(pub [u8; 32]);

            impl Key {
                pub fn from_slice(bytes: &[u8]) -> Option<Key> {
                    bytes.try_into().ok().map(Key)
                }
            }

            pub fn gen_key() -> Key {
                let mut key = [0; KEYBYTES];
                OsRng.fill_bytes(&mut key);
                Key(key)
            }

            pub fn authenticate(message: &[u8], key: &Key) -> Tag {
                // a block-sized key is used as it is; the 32 bytes padded with zeros are the same HMAC key
                let mut block = [0; 64];
                block.iter_mut().zip(key.0).for_each(|(to, from)| *to = from);
                let mut mac = Hmac::<sha2::Sha256>::new(&block.into());
                mac.update(message);
                Tag(mac.finalize().into_bytes().into())
            }
        }
    }

    pub mod secretbox {
        use crypto_secretbox::aead::{rand_core::RngCore, Aead, OsRng};
        use crypto_secretbox::{KeyInit, XSalsa20Poly1305};

        pub const NONCEBYTES: usize = 24;
        pub const MACBYTES: usize = 16;

        pub struct Key(pub [u8; 32]);
        pub struct Nonce(pub [u8; NONCEBYTES]);

        pub fn gen_nonce() -> Nonce {
            let mut nonce = [0; NONCEBYTES];
            OsRng.fill_bytes(&mut nonce);
            Nonce(nonce)
        }

        pub fn seal(message: &[u8], nonce: &Nonce, key: &Key) -> Vec<u8> {
            // encryption fails only for messages beyond the cipher's 2^70 bytes
            XSalsa20Poly1305::new(&key.0.into()).encrypt(&nonce.0.into(), message).unwrap_or_default()
        }

        pub fn open(sealed: &[u8], nonce: &Nonce, key: &Key) -> Result<Vec<u8>, ()> {
            XSalsa20Poly1305::new(&key.0.into()).decrypt(&nonce.0.into(), sealed).map_err(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::crypto::{auth::hmacsha256, secretbox};

    /// RFC 4231 has no 32-byte key; this is its test case 2's message under a key of 32 bytes 0x0b, from OpenSSL.
    #[test]
    fn the_mac_is_hmac_sha_256() {
        let tag = hmacsha256::authenticate(b"what do ya want for nothing?", &hmacsha256::Key([0x0b; 32]));
        let hex: String = tag.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "c3f2649c34ea24e4d62a2c7e868bbea0233c9d4c2cc300794db76aa18d6822d8");
    }

    #[test]
    fn a_sealed_key_opens_with_its_key_only() {
        let (key, nonce) = (secretbox::Key([1; 32]), secretbox::gen_nonce());
        let sealed = secretbox::seal(b"a caveat's root key", &nonce, &key);
        assert_eq!(sealed.len(), 19 + secretbox::MACBYTES);
        assert_eq!(secretbox::open(&sealed, &nonce, &key).as_deref(), Ok(&b"a caveat's root key"[..]));
        assert!(secretbox::open(&sealed, &nonce, &secretbox::Key([2; 32])).is_err());
    }
}
