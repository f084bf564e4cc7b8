pub mod change;
pub mod datafile;
pub mod decision;
pub mod gate;
pub mod policy;
pub mod provenance;
pub mod record;
