namespace Psi.Client;

/// <summary>How a client runs.</summary>
internal sealed record RunOptions
{
    /// <summary>The serving party. A name that only a proxy knows is as good as an address.</summary>
    internal required Uri Server { get; init; }

    /// <summary>Ids in one request.</summary>
    internal int Batch { get; init; } = 200;

    /// <summary>Requests in flight.</summary>
    internal int Parallel { get; init; } = 8;

    /// <summary>Ask for a new connection for every request.</summary>
    internal bool ConnectionClose { get; init; }

    /// <summary>How often a failed request is tried again before the run fails.</summary>
    internal int Retries { get; init; } = 3;

    /// <summary>Bound of one request.</summary>
    internal TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Told after every twentieth part of the requests.</summary>
    internal Action<Protocol.Progress>? OnProgress { get; init; }
}
