//! Reason codes: a family of causes, each with the name by which scripts know it. One table declares the variants,
//! their names, their order and the list of all, so that none of these can lack one.

/// Declares the codes of a family: `Variant = "NAME"`, each with what it means.
macro_rules! reason_codes {
    ($(#[$about:meta])* pub enum $Code:ident { $($(#[doc = $meaning:literal])+ $Variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Code {
            $(#[doc = concat!("`", $name, "`:")] $(#[doc = $meaning])+ $Variant,)+
        }

        impl $Code {
            /// All of them, in the order of their declaration.
            pub const ALL: [$Code; [$($name),+].len()] = [$($Code::$Variant),+];

            /// The name in the JSON and in the manual, in capitals; it does not change between versions.
            pub fn name(self) -> &'static str {
                match self {
                    $($Code::$Variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $Code {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $Code {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

pub(crate) use reason_codes;
