namespace Qanat.Hub.Quotas;

/// <summary>What one member may use of its hub, measured on ciphertext. Zero means no limit.</summary>
/// <param name="BytesPerSecond">Bytes read from the member's link per second; beyond it the reading of that link pauses.</param>
/// <param name="Sessions">Sessions that the member has opened and that live.</param>
/// <param name="OpensPerSecond">New sessions per second.</param>
/// <param name="QueueBytes">Bytes of the member's frames that may wait in the queue of one next link.</param>
public sealed record MemberQuotas(long BytesPerSecond = 0, int Sessions = 0, int OpensPerSecond = 0, long QueueBytes = 0)
{
    /// <summary>No limit at all.</summary>
    public static MemberQuotas Unlimited { get; } = new();
}

/// <summary>A member's own quotas; null takes the hub's default.</summary>
/// <param name="BytesPerSecond">See <see cref="MemberQuotas.BytesPerSecond"/>.</param>
/// <param name="Sessions">See <see cref="MemberQuotas.Sessions"/>.</param>
/// <param name="OpensPerSecond">See <see cref="MemberQuotas.OpensPerSecond"/>.</param>
/// <param name="QueueBytes">See <see cref="MemberQuotas.QueueBytes"/>.</param>
public sealed record QuotaOverrides(long? BytesPerSecond = null, int? Sessions = null, int? OpensPerSecond = null, long? QueueBytes = null)
{
    /// <summary>Everything as the hub's default.</summary>
    public static QuotaOverrides None { get; } = new();

    /// <summary>The quotas in force, given the hub's defaults.</summary>
    public MemberQuotas Over(MemberQuotas defaults) => new(
        BytesPerSecond ?? defaults.BytesPerSecond,
        Sessions ?? defaults.Sessions,
        OpensPerSecond ?? defaults.OpensPerSecond,
        QueueBytes ?? defaults.QueueBytes);
}
