using System.Globalization;
using Qanat.Testing;

namespace Qanat.Bench.DelayWire;

/// <summary>The <c>wire</c> process: joins two network namespaces with a pair of TUN devices and a fixed one-way delay, until standard input closes.</summary>
public static class DelayWireHost
{
    /// <summary>Arguments: left namespace, left device, right namespace, right device, one-way delay in milliseconds. A line on standard input sets a new delay.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        TimeSpan delay = Milliseconds(arguments[4]);
        using TunDevice left = NetworkNamespace.RunIn(arguments[0], () => TunDevice.Open(arguments[1]));
        using TunDevice right = NetworkNamespace.RunIn(arguments[2], () => TunDevice.Open(arguments[3]));
        DelayLine rightward = new(left, right, delay);
        DelayLine leftward = new(right, left, delay);
        rightward.Start("rightward");
        leftward.Start("leftward");
        Console.Out.WriteLine("ready");
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            rightward.Delay = leftward.Delay = Milliseconds(line);
            Console.Out.WriteLine($"delay {line} dropped {rightward.Dropped + leftward.Dropped}");
        }
        return 0;
    }

    private static TimeSpan Milliseconds(string text) => TimeSpan.FromMilliseconds(double.Parse(text, CultureInfo.InvariantCulture));
}
