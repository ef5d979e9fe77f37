//! The phases of a run, and what is counted beside their times.

/// What a thread is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Pipeline and shard map are read, and the list of tasks is made.
    List,
    /// The store's template and coordinates are written.
    Prepare,
    /// Granules are opened: their datasets and attributes are found.
    Open,
    /// Bytes are waited for.
    Fetch,
    /// Filters of chunks are undone: inflate, shuffle and the like.
    Inflate,
    /// Values are taken out of chunks and become columns.
    Read,
    /// Positions become cells and row indices.
    Locate,
    /// Rows pass filters, and columns are derived.
    Select,
    /// Rows of granules are put together in arrival order.
    Gather,
    /// Rows are sorted by cell.
    Sort,
    /// Statistics are computed.
    Reduce,
    /// Blocks are compressed and written.
    Write,
    /// Levels of several shards, the report and the state are written.
    Finalize,
    /// Other threads are waited for: those that read, decode or compute for this one.
    Wait,
}

impl Phase {
    /// All of them, in the order in which a run comes to them.
    pub const ALL: [Self; 14] = [
        Self::List,
        Self::Prepare,
        Self::Open,
        Self::Fetch,
        Self::Inflate,
        Self::Read,
        Self::Locate,
        Self::Select,
        Self::Gather,
        Self::Sort,
        Self::Reduce,
        Self::Write,
        Self::Finalize,
        Self::Wait,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Prepare => "prepare",
            Self::Open => "open",
            Self::Fetch => "fetch",
            Self::Inflate => "inflate",
            Self::Read => "read",
            Self::Locate => "locate",
            Self::Select => "select",
            Self::Gather => "gather",
            Self::Sort => "sort",
            Self::Reduce => "reduce",
            Self::Write => "write",
            Self::Finalize => "finalize",
            Self::Wait => "wait",
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Granules opened; one that is closed for want of memory and opened again counts twice.
    GranulesOpened,
    /// Bytes asked for.
    BytesFetched,
    /// Ranges asked for.
    Requests,
    /// Calls that ask for ranges side by side.
    RoundTrips,
    /// Chunks decoded.
    ChunksDecoded,
    /// Bytes of decoded chunks.
    BytesDecoded,
    /// Chunks found decoded.
    ChunkHits,
    /// Chunks waited for while another thread decoded them.
    ChunkWaits,
    /// Decoded chunks that were dropped for others.
    ChunksDropped,
    /// Rows located.
    RowsLocated,
}

impl Counter {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::GranulesOpened,
        Self::BytesFetched,
        Self::Requests,
        Self::RoundTrips,
        Self::ChunksDecoded,
        Self::BytesDecoded,
        Self::ChunkHits,
        Self::ChunkWaits,
        Self::ChunksDropped,
        Self::RowsLocated,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GranulesOpened => "granules_opened",
            Self::BytesFetched => "bytes_fetched",
            Self::Requests => "requests",
            Self::RoundTrips => "round_trips",
            Self::ChunksDecoded => "chunks_decoded",
            Self::BytesDecoded => "bytes_decoded",
            Self::ChunkHits => "chunk_hits",
            Self::ChunkWaits => "chunk_waits",
            Self::ChunksDropped => "chunks_dropped",
            Self::RowsLocated => "rows_located",
        }
    }
}
