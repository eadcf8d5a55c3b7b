using Qanat.Tunnel.Access;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Access;

/// <summary>Names and what the hub says they mean; counts the questions.</summary>
internal sealed class FakeDirectory : IPeerDirectory
{
    public Dictionary<string, Mid> Members { get; } = [];

    public int Questions { get; private set; }

    /// <summary>No answer comes before this one completes.</summary>
    public Task Answering { get; set; } = Task.CompletedTask;

    public static Mid MidOf(byte n) => Mid.FromSubjectPublicKeyInfo([n]);

    public async ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken)
    {
        Questions++;
        await Answering.WaitAsync(cancellationToken);
        return Members.TryGetValue(participant, out Mid mid) ? mid : throw new TunnelException(TunnelError.UnknownParticipant, participant);
    }
}
