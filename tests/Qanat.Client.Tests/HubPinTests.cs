using Qanat.Tunnel;
using Qanat.Tunnel.Identity;

namespace Qanat.Client.Tests;

/// <summary>Whose key a hub has when nobody said so.</summary>
public sealed class HubPinTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_hub_without_a_mid_is_held_to_the_key_it_proved_first_over_restarts()
    {
        await using TestHub hub = await TestHub.StartAsync();
        QanatOptions options = await hub.OptionsAsync("hospital-a");
        string proven = options.Hubs[0].Mid!;
        options.Hubs[0].Mid = null;
        await using (await QanatParticipant.StartAsync(options).WaitAsync(s_limit))
        {
            Assert.Equal($"{new Uri(hub.Url)} {proven}\n", await File.ReadAllTextAsync(Path.Combine(options.StateFolder, "hubs.pinned")));
        }
        await using (await QanatParticipant.StartAsync(options).WaitAsync(s_limit))
        {
            // The same hub is fine.
        }
        using NodeIdentity other = NodeIdentity.Create();
        await hub.RestartAsync(other);
        TunnelException refused = await TestHub.RefusedAsync(options);
        Assert.Equal(TunnelError.HubMidMismatch, refused.Error);
    }
}
